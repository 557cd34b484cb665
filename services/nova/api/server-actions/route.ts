// POST /servers/{id}/action: finds the row of table.ts for the member of the body, and calls its
// handler.
import { fault } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { bodyChecker } from '#openstack/http/schema.ts';
import type { NovaDeps } from '../../deps.ts';
import { requestedServer } from '../request.ts';
import { serverActions } from './table.ts';

const rows = serverActions.map((row) => ({ ...row, check: row.schema && bodyChecker(row.schema) }));
const allFaults = [
  ...new Set(['notFound' as const, ...serverActions.flatMap((row) => row.faults)]),
];

export function actionRoute(deps: NovaDeps): Route {
  return route('POST', '/v2.1/servers/:id/action', {
    policy: null,
    faults: allFaults,
    handler: async (request) => {
      const body = request.body;
      const keys =
        body !== null && typeof body === 'object' && !Array.isArray(body) ? Object.keys(body) : [];
      const [key] = keys;
      if (keys.length !== 1 || key === undefined)
        return fault('badRequest', 'Malformed request body: it must hold exactly one action.');
      const row = rows.find(
        (candidate) =>
          candidate.key === key &&
          (candidate.since ?? 0) <= request.version &&
          request.version <= (candidate.until ?? Infinity),
      );
      if (!row) return fault('badRequest', `There is no such action: ${key}`);
      if (row.policy !== null && !request.allows(row.policy.name))
        return fault('forbidden', `Policy doesn't allow ${row.policy.name} to be performed.`);
      const server = await requestedServer(deps, request);
      if (isFault(server)) return server;
      const value = (body as JsonObject)[key] ?? null;
      return (
        row.check?.(value, request.version) ?? (await row.handler(deps, request, server, value))
      );
    },
  });
}

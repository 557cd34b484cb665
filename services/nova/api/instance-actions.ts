// The log of actions on a server: what was requested, by whom, with which result. From 2.21 on also
// readable after the server's deletion.
import { createHash } from 'node:crypto';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { timeMsOf } from '#openstack/http/lenient-values.ts';
import type { ApiRequest, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { isoMicroseconds } from '#platform/clock.ts';
import type { NovaDeps } from '../deps.ts';
import { eventsOf, findAction, listActions } from '../store/actions.ts';
import type { Server } from '../store/servers.ts';
import { findServerEvenDeleted } from '../store/servers.ts';
import type { ActionEventRow, ActionRow } from '../store/tables.ts';
import { first, lastMsOf, limitOf, requestedServer, scopeOf, unknownQuery } from './request.ts';

const time = (ms: number | null): string | null =>
  ms === null ? null : isoMicroseconds(ms).slice(0, -1);

export function instanceActionRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;
  const { config } = deps;

  async function server(request: ApiRequest): Promise<Outcome<Server>> {
    if (request.version < 21) return await requestedServer(deps, request);
    const id = request.params['id'] ?? '';
    return (
      (await findServerEvenDeleted(db, id, scopeOf(request))) ??
      fault('notFound', `Instance ${id} could not be found.`)
    );
  }

  return [
    route('GET', '/v2.1/servers/:id/os-instance-actions', {
      policy: 'os_compute_api:os-instance-actions:list',
      faults: ['notFound'],
      handler: async (request) => {
        const owner = await server(request);
        if (isFault(owner)) return owner;
        let actions = await listActions(db, owner.id);
        if (request.version < 58)
          return {
            status: 200,
            body: { instanceActions: actions.map((action) => actionView(action, request.version)) },
          };
        const unknown = unknownQuery(request, [
          'limit',
          'marker',
          'changes-since',
          ...(request.version >= 66 ? ['changes-before'] : []),
        ]);
        if (unknown) return unknown;
        const limit = limitOf(request, config.maxListLimit);
        if (isFault(limit)) return limit;
        const bounds = {
          since: first(request, 'changes-since'),
          before: request.version >= 66 ? first(request, 'changes-before') : undefined,
        };
        for (const [name, text] of Object.entries(bounds)) {
          if (text === undefined) continue;
          const ms = name === 'since' ? timeMsOf(text) : lastMsOf(text);
          if (ms === undefined)
            return fault(
              'badRequest',
              `Invalid input for query parameters changes-${name}. Value: ${text}. It must be an ISO 8601 time.`,
            );
          actions = actions.filter((action) =>
            name === 'since' ? action.updated_at_ms >= ms : action.updated_at_ms <= ms,
          );
        }
        const marker = first(request, 'marker');
        if (marker !== undefined) {
          const at = actions.findIndex((action) => action.request_id === marker);
          if (at < 0) return fault('badRequest', `marker [${marker}] not found`);
          actions = actions.slice(at + 1);
        }
        const page = actions.slice(0, limit);
        const body: JsonObject = {
          instanceActions: page.map((action) => actionView(action, request.version)),
        };
        if (page.length > 0 && page.length < actions.length) {
          const query = new URLSearchParams(request.queryString);
          query.set('marker', page.at(-1)?.request_id ?? '');
          body['links'] = [
            { rel: 'next', href: `${request.baseUrl}${request.path}?${query.toString()}` },
          ];
        }
        return { status: 200, body };
      },
    }),
    route('GET', '/v2.1/servers/:id/os-instance-actions/:request', {
      policy: 'os_compute_api:os-instance-actions:show',
      faults: ['notFound'],
      handler: async (request) => {
        const owner = await server(request);
        if (isFault(owner)) return owner;
        const requestId = request.params['request'] ?? '';
        const action = await findAction(db, owner.id, requestId);
        if (!action)
          return fault(
            'notFound',
            `Action for request_id ${requestId} on instance ${owner.id} not found`,
          );
        const view = actionView(action, request.version);
        const mayEvents = request.allows('os_compute_api:os-instance-actions:events');
        if (mayEvents || request.version >= 51) {
          const events = await eventsOf(db, action.id);
          view['events'] = events.map((event) =>
            eventView(event, request.version, owner.project_id, mayEvents),
          );
        }
        return { status: 200, body: { instanceAction: view } };
      },
    }),
  ];
}

function actionView(action: ActionRow, version: number): JsonObject {
  const view: JsonObject = {
    action: action.action,
    instance_uuid: action.server_id,
    request_id: action.request_id,
    user_id: action.user_id,
    project_id: action.project_id,
    start_time: time(action.started_at_ms),
    message: action.message,
  };
  if (version >= 58) view['updated_at'] = time(action.updated_at_ms);
  return view;
}

function eventView(
  event: ActionEventRow,
  version: number,
  projectId: string,
  mayHost: boolean,
): JsonObject {
  const view: JsonObject = {
    event: event.name,
    start_time: time(event.started_at_ms),
    finish_time: time(event.finished_at_ms),
    result: event.result,
  };
  if (mayHost) view['traceback'] = event.details;
  if (version >= 62) {
    view['hostId'] =
      event.host === null
        ? ''
        : createHash('sha224')
            .update(projectId + event.host)
            .digest('hex');
    if (mayHost) view['host'] = event.host;
  }
  if (version >= 84) view['details'] = event.result === 'Error' ? event.details : null;
  return view;
}

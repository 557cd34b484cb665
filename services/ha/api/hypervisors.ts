// Hosts as operators see and steer them: list and show, HA on or off for a host, and the
// acknowledgement that a host is off or may return to service.
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { asJson } from '#contracts/common/json.ts';
import type { GuestRecoveryView, HostView, MoveView } from '#contracts/ha/wire.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { HaApiDeps } from '../deps.ts';
import { listGuestsOf } from '../store/guests.ts';
import { listHeartbeats } from '../store/heartbeats.ts';
import { findHost, listHosts, setEnabled } from '../store/hosts.ts';
import { listEntries } from '../store/incidents.ts';
import { listMoves } from '../store/moves.ts';
import type { GuestRow, HostRow, MoveRow } from '../store/tables.ts';
import { acknowledge } from './acknowledge.ts';
import { planFor } from './plan.ts';

const path = '/api/hypervisors';
const policy = (name: string): string => `ha:hypervisors:${name}`;

export function hypervisorRoutes(deps: HaApiDeps): readonly Route[] {
  const { db } = deps.database;
  const requested = async (host: string): Promise<Outcome<HostRow>> =>
    (await findHost(db, host)) ?? fault('notFound', `The HA Service knows no host ${host}.`);
  const bootIds = async (): Promise<Map<string, string>> =>
    new Map((await listHeartbeats(db)).map(({ host, boot_id }) => [host, boot_id]));

  return [
    route('GET', path, {
      policy: policy('list'),
      async handler() {
        const boots = await bootIds();
        const hypervisors = (await listHosts(db)).map((row) => view(row, boots.get(row.host)));
        return { status: 200, body: asJson({ enabled: deps.config.enabled, hypervisors }) };
      },
    }),
    route('GET', `${path}/:host`, {
      policy: policy('show'),
      faults: ['notFound'],
      async handler({ params }) {
        const row = await requested(params['host'] ?? '');
        if (isFault(row)) return row;
        const { incident_id: id } = row;
        const timeline = id === null ? [] : await listEntries(db, id);
        const moves = id === null ? [] : (await listMoves(db, id)).map(moveView);
        const boots = await bootIds();
        const guests = (await listGuestsOf(db, row.host)).map(guestView);
        return {
          status: 200,
          body: asJson({ ...view(row, boots.get(row.host)), timeline, moves, guests }),
        };
      },
    }),
    // Same path and body as in CobaltCore's kvm-ha-service.
    route<{ enabled: boolean }>('POST', `${path}/:host`, {
      policy: policy('update'),
      faults: ['notFound'],
      body: Type.Object({ enabled: Type.Boolean() }, { additionalProperties: false }),
      async handler({ params, body }) {
        const host = params['host'] ?? '';
        if (!(await setEnabled(db, host, body.enabled)))
          return fault('notFound', `The HA Service knows no host ${host}.`);
        deps.log.info({ host, enabled: body.enabled }, 'HA switched by an operator');
        return { status: 200, body: { host, enabled: body.enabled } };
      },
    }),
    route('GET', `${path}/:host/plan`, {
      policy: policy('plan'),
      faults: ['notFound'],
      async handler({ params }) {
        const row = await requested(params['host'] ?? '');
        if (isFault(row)) return row;
        const plan = await planFor(deps, row);
        return isFault(plan) ? plan : { status: 200, body: asJson(plan) };
      },
    }),
    route('POST', `${path}/:host/acknowledge`, {
      policy: policy('acknowledge'),
      faults: ['notFound', 'conflict', 'concurrentUpdate'],
      async handler({ params, auth }) {
        const row = await requested(params['host'] ?? '');
        if (isFault(row)) return row;
        const meaning = await acknowledge(deps, row, auth.userId);
        return isFault(meaning) ? meaning : { status: 200, body: { host: row.host, meaning } };
      },
    }),
  ];
}

const view = (row: HostRow, bootId: string | undefined): HostView => ({
  host: row.host,
  zone: row.zone,
  state: row.state,
  sinceMs: row.since_ms,
  enabled: row.enabled === 1,
  reason: row.reason,
  bootId: bootId ?? null,
  incident: row.incident_id,
});

const moveView = (row: MoveRow): MoveView => ({
  uuid: row.uuid,
  server: row.server_id,
  name: row.name,
  source: row.source_host,
  destination: row.dest_host,
  status: row.status,
  priority: row.priority,
  attempts: row.attempts,
  startedAtMs: row.started_at_ms,
  endedAtMs: row.ended_at_ms,
  message: row.message,
});

const guestView = (row: GuestRow): GuestRecoveryView => ({
  server: row.server_id,
  name: row.name,
  attempts: row.attempts,
  lastAtMs: row.last_at_ms,
  givenUp: row.given_up === 1,
  message: row.message,
});

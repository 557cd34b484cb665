// Recovers the servers of a fenced host through Nova's API. Each evacuation is recorded before it
// is requested, so that a process that takes over knows what was begun. A repeated request is
// harmless: Nova refuses it for a server that is being evacuated or already on another host.
import { isFault } from '#contracts/common/fault.ts';
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';
import type { Move, MoveChange, RecoveryLimits } from '../domain/recovery.ts';
import { isOver, nextMoves, observedMove } from '../domain/recovery.ts';
import { recoveryPolicyFor } from '../recovery-facts.ts';
import { addMove, changeMove, listMoves } from '../store/moves.ts';
import type { HostRow, IncidentRow, MoveRow } from '../store/tables.ts';
import { targetsOf } from './stand-ins.ts';
import type { Again, StepDeps } from './step.ts';
import { incidentOf, raise } from './step.ts';

/** Time within which Nova must begin an evacuation; pause between two attempts for one server. */
const [beginMs, pauseMs] = [15_000, 5_000];

export async function evacuate(deps: StepDeps, row: HostRow): Promise<Again> {
  const { database, nova, log } = deps;
  const { db } = database;
  const incident = await incidentOf(deps, row);
  const onHost = await nova.serversOn(row.host);
  if (isFault(onHost)) {
    log.warn({ host: row.host, why: onHost.message }, 'Nova does not say what to evacuate');
    return undefined;
  }
  const servers = new Map(onHost.map((server) => [server.id, server]));
  await record(deps, row, incident, servers, await listMoves(db, incident.id));
  for (const move of await listMoves(db, incident.id)) await observe(deps, row, move, servers);
  const moves = await listMoves(db, incident.id);
  if (isOver(moves)) return await finish(deps, row, incident, moves);
  const domainMoves = moves.map(asMove);
  const targets = await targetsOf(deps, row, incident, domainMoves);
  const limits = { ...limitsOf(deps), named: targets.named };
  const byServer = new Map(moves.map((move) => [move.server_id, move]));
  const next = nextMoves(domainMoves, servers, targets.hosts, limits, deps.clock.now());
  await Promise.all(
    next.map(async ({ serverId, change }) => {
      const move = byServer.get(serverId);
      if (move) await apply(deps, move, change, servers.get(serverId));
    }),
  );
  return undefined;
}

const limitsOf = ({ config }: StepDeps): RecoveryLimits => ({
  atOnce: config.evacuationsAtOnce,
  atOncePerTarget: config.evacuationsPerTarget,
  attempts: config.evacuationAttempts,
  timeoutMs: config.evacuationTimeoutMs,
  beginMs,
  pauseMs,
});

export const asMove = (row: MoveRow): Move => ({
  serverId: row.server_id,
  status: row.status,
  priority: row.priority,
  attempts: row.attempts,
  attemptAtMs: row.attempt_at_ms,
  tried: JSON.parse(row.tried) as string[], // written by failAttempt
  destination: row.dest_host,
  staysOff: row.stays_off === 1,
});

/** Records a move for each server on the host that the incident does not have yet. */
async function record(
  deps: StepDeps,
  row: HostRow,
  incident: IncidentRow,
  servers: ReadonlyMap<string, FleetServer>,
  recordedMoves: readonly MoveRow[],
): Promise<void> {
  const recordedIds = new Set(recordedMoves.map(({ server_id }) => server_id));
  const images = new Map<string, Record<string, string>>();
  for (const server of servers.values()) {
    if (recordedIds.has(server.id)) continue;
    const policy = await recoveryPolicyFor(deps.nova, server, images);
    const isNew = await addMove(deps.database.db, {
      incident_id: incident.id,
      server_id: server.id,
      uuid: deps.ids.uuid(),
      name: server.name,
      source_host: row.host,
      status: policy.isWanted ? 'pending' : 'ignored',
      priority: policy.priority,
      attempt_at_ms: deps.clock.now(),
      stays_off: server.status === 'SHUTOFF' ? 1 : 0,
      message: policy.isWanted ? null : 'HA is off for it',
    });
    if (isNew && !policy.isWanted) deps.metrics.serverSettled('ignored');
  }
}

/** Records what has become of an unsettled move. */
async function observe(
  deps: StepDeps,
  { host }: HostRow,
  row: MoveRow,
  servers: ReadonlyMap<string, FleetServer>,
): Promise<void> {
  if (row.status !== 'pending' && row.status !== 'ongoing') return;
  const server = servers.get(row.server_id) ?? (await deps.nova.server(row.server_id));
  if (isFault(server) && server.kind !== 'notFound') return;
  const current = isFault(server) ? null : server;
  const change = observedMove(asMove(row), current, host, limitsOf(deps), deps.clock.now());
  if (change) return await apply(deps, row, change, current ?? undefined);
  // Record the target that Nova has chosen.
  const at = current?.['OS-EXT-SRV-ATTR:host'] ?? host;
  if (row.status === 'ongoing' && at !== host && row.dest_host !== at)
    await changeMove(deps.database.db, row, { dest_host: at });
}

async function apply(
  deps: StepDeps,
  row: MoveRow,
  change: MoveChange,
  server: FleetServer | undefined,
): Promise<void> {
  const { database, clock, nova, log, metrics } = deps;
  const { db } = database;
  const facts = { server: row.server_id, host: row.source_host };
  const now = clock.now();
  switch (change.kind) {
    case 'begin': {
      const begun = {
        status: 'ongoing',
        attempts: row.attempts + 1,
        attempt_at_ms: now,
        started_at_ms: row.started_at_ms ?? now,
        dest_host: change.target,
      } as const;
      if (!(await changeMove(db, row, begun))) return;
      const options = { host: change.target, staysOff: row.stays_off === 1 };
      const answer = await nova.evacuate(row.server_id, options);
      // On any other fault Nova may have begun the evacuation, so the attempt does not count as
      // failed yet.
      if (isFault(answer) && answer.kind === 'conflict')
        await failAttempt(deps, { ...row, ...begun }, answer.message, server);
      else log.info({ ...facts, attempt: begun.attempts }, 'evacuation asked for');
      return;
    }
    case 'resetState':
      return void (await nova.resetToError(row.server_id));
    case 'succeeded': {
      const succeeded = {
        status: 'succeeded',
        dest_host: change.destination,
        ended_at_ms: now,
        message: null,
      } as const;
      if (!(await changeMove(db, row, succeeded))) return;
      metrics.serverSettled('succeeded');
      return log.info({ ...facts, destination: change.destination }, 'server recovered');
    }
    case 'ignored': {
      const ignored = { status: 'ignored', ended_at_ms: now, message: change.message } as const;
      if (await changeMove(db, row, ignored)) metrics.serverSettled('ignored');
      return;
    }
    case 'failedAttempt':
      await failAttempt(deps, row, change.message, server, change.isLast);
  }
}

async function failAttempt(
  { database, clock, config, log, metrics }: StepDeps,
  row: MoveRow,
  message: string,
  server: FleetServer | undefined,
  isLast = row.attempts >= config.evacuationAttempts,
): Promise<void> {
  const triedHosts = JSON.parse(row.tried) as string[]; // written by this function
  const at = row.dest_host;
  const isChanged = await changeMove(database.db, row, {
    status: isLast ? 'failed' : 'pending',
    message,
    dest_host: null,
    tried: JSON.stringify(
      at === null || triedHosts.includes(at) ? triedHosts : [...triedHosts, at],
    ),
    ...(isLast ? { ended_at_ms: clock.now() } : {}),
  });
  if (!isChanged) return;
  if (isLast) metrics.serverSettled('failed');
  const facts = { server: row.server_id, host: row.source_host, attempt: row.attempts, at };
  log[isLast ? 'error' : 'warn'](
    { ...facts, status: server?.status, why: message },
    isLast ? 'server not recovered' : 'an evacuation failed; it is tried again',
  );
}

async function finish(
  deps: StepDeps,
  row: HostRow,
  incident: IncidentRow,
  moves: readonly MoveRow[],
): Promise<Again> {
  const count = (status: MoveRow['status']): number =>
    moves.filter((move) => move.status === status).length;
  const ends = moves.flatMap(({ status, ended_at_ms }) =>
    status === 'succeeded' ? (ended_at_ms ?? []) : [],
  );
  const sinceBegin = (atMs: number): number => atMs - incident.began_at_ms;
  return await raise(deps, row, 'recovered', 'recovered', {
    succeeded: count('succeeded'),
    failed: count('failed'),
    ignored: count('ignored'),
    firstServerAfterMs: ends.length === 0 ? null : sinceBegin(Math.min(...ends)),
    lastServerAfterMs: ends.length === 0 ? null : sinceBegin(Math.max(...ends)),
  });
}

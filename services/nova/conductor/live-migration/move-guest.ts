// The step of a live migration in which the guest moves: long-polls the source's agent until the
// guest has left or the migration has failed. Repeated calls join the migration in progress.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { GuestArrival, MigrationProgress } from '#contracts/nova/live-migration.ts';
import type { NovaDeps } from '../../deps.ts';
import { completionTimeoutMs } from '../../domain/live-migration.ts';
import { isUp } from '../../domain/service-state.ts';
import { agentOn } from '../../rpc-clients.ts';
import { computeBinary, findService } from '../../store/hosts.ts';
import type { MigrationChange } from '../../store/server-migrations.ts';
import { advanceMigration, changeMigration, findMigration } from '../../store/server-migrations.ts';
import { findServer } from '../../store/servers.ts';
import type { Server } from '../../store/servers.ts';
import { whereGuestIs } from './where-guest-is.ts';

export interface Move {
  server: Server;
  migrationId: string;
  source: string;
  host: string;
  requestId: string;
  signal: AbortSignal;
}

/**
 * Long-poll time of the first `migrateGuest` call: short, so that a quick migration is not delayed
 * by a whole `waitMs`.
 */
const firstWaitMs = 250;
/** Long-poll time of the later calls. */
const waitMs = 1_000;
const answerTimeoutMs = waitMs + 20_000;
/** Pause before the two hosts are asked again where the guest is. */
const pollEveryMs = 1_000;
/** Deadline of other calls to the two hosts, and of the wait until an aborted migration ends. */
const hostTimeoutMs = 30_000;

export const aborted = (uuid: string) =>
  fault('conflict', `The live migration of instance ${uuid} was aborted.`, { aborted: 'yes' });

/**
 * Returns a fault if the guest seems to have stayed at the source; the undo (`endMove`) verifies
 * it.
 */
export async function moveGuest(
  deps: NovaDeps,
  move: Move,
  arrival: GuestArrival,
): Promise<Outcome<void>> {
  const { config, clock } = deps;
  const { server, source, host, requestId, signal } = move;
  const terms = {
    arrival,
    autoConverge: config.liveMigrationPermitAutoConverge,
    permitPostCopy: config.liveMigrationPermitPostCopy,
    bandwidthMib: config.liveMigrationBandwidth,
    completionTimeoutMs: completionTimeoutMs(server, config.liveMigrationCompletionTimeoutMs),
    timeoutAction: config.liveMigrationTimeoutAction,
  };
  for (let isFirst = true; ; isFirst = false) {
    const unwanted = await whyUnwanted(deps, move);
    if (unwanted) return unwanted;
    const answer = await agentOn(deps, source).call(
      'migrateGuest',
      { uuid: server.id, terms, waitMs: isFirst ? firstWaitMs : waitMs },
      { timeoutMs: answerTimeoutMs, requestId },
    );
    const isAway = isFault(answer) && (answer.kind === 'unavailable' || answer.kind === 'timeout');
    if (isFault(answer) && !isAway) return answer;
    if (!isFault(answer) && answer.state !== 'left') {
      await note(deps, move, answer.state, answer.progress);
      continue;
    }
    const where = await whereGuestIs(deps, server.id, { source, host }, requestId);
    if (where === 'destination') return;
    if (where === 'source' && !isFault(answer))
      return fault('unavailable', `Guest ${server.id} has left ${source}, but is not on ${host}.`);
    if (where === 'unknown' && (await hasDied(deps, move)))
      return fault('unavailable', `Host ${source} died while guest ${server.id} was to leave it.`);
    if (signal.aborted) return fault('timeout', `Nobody can say where guest ${server.id} is.`);
    await clock.sleep(pollEveryMs, { signal, unref: true }).catch(() => undefined);
  }
}

/**
 * conflict, marked `aborted`: the migration was aborted before it started, or the server is being
 * deleted.
 */
async function whyUnwanted(
  { database: { db } }: NovaDeps,
  { server, migrationId }: Move,
): Promise<Outcome<undefined>> {
  const migration = await findMigration(db, migrationId);
  if (!migration || migration.status === 'cancelled') return aborted(server.id);
  const current = await findServer(db, server.id, null);
  return !current || current.task_state === 'deleting' ? aborted(server.id) : undefined;
}

async function note(
  { database: { db }, clock }: NovaDeps,
  { migrationId: uuid }: Move,
  state: 'queued' | 'moving',
  progress: MigrationProgress | null,
): Promise<void> {
  const migration = { uuid, type: 'live-migration' } as const;
  const now = clock.now();
  if (state === 'queued') return void (await advanceMigration(db, migration, 'queued', now));
  await advanceMigration(db, migration, 'preparing', now); // leaves 'queued', if it was queued
  await advanceMigration(db, migration, 'running', now);
  if (!progress) return;
  const { memory, disk } = progress;
  const change: MigrationChange = {
    ...(memory && {
      memory_total: memory.total,
      memory_processed: memory.processed,
      memory_remaining: memory.remaining,
    }),
    ...(disk && {
      disk_total: disk.total,
      disk_processed: disk.processed,
      disk_remaining: disk.remaining,
    }),
  };
  await changeMigration(db, uuid, change, now);
}

/**
 * Whether the guest died with its source: the source is down, and the destination, asked to abandon
 * the arrival, has no guest.
 */
async function hasDied(
  deps: NovaDeps,
  { server, source, host, requestId }: Move,
): Promise<boolean> {
  const key = { host: source, binary: computeBinary };
  const service = await findService(deps.database.db, key);
  if (service && isUp(service, deps.clock.now(), deps.config)) return false;
  const abandoned = await agentOn(deps, host).call(
    'abandonArrival',
    { uuid: server.id },
    { timeoutMs: hostTimeoutMs, requestId },
  );
  return !isFault(abandoned);
}

/**
 * Ends the migration in whatever state it is, aborting it if it is in progress. Returns where the
 * guest is. Throws, to be tried again, until that is certain.
 */
export async function endMove(
  deps: NovaDeps,
  { server, source, host, requestId }: Omit<Move, 'signal' | 'migrationId'>,
): Promise<'source' | 'destination'> {
  const call = { timeoutMs: hostTimeoutMs, requestId };
  const { id: uuid } = server;
  const places = { source, host };
  // Also aborts a migration that is still waiting in the agent's queue.
  await agentOn(deps, source).call('abortMigration', { uuid }, call);
  let where = await whereGuestIs(deps, uuid, places, requestId);
  const untilMs = deps.clock.now() + hostTimeoutMs;
  while (where === 'moving' && deps.clock.now() < untilMs) {
    await deps.clock.sleep(pollEveryMs, { unref: true });
    where = await whereGuestIs(deps, uuid, places, requestId);
  }
  if (where === 'destination') return where;
  if (where === 'moving') throw new Error(`guest ${uuid} is still on its way`);
  const abandoned = await agentOn(deps, host).call('abandonArrival', { uuid }, call);
  // If the destination is away, its agent removes what it prepared once no guest has arrived in
  // time.
  if (!isFault(abandoned) || where === 'source') return 'source';
  throw new Error(`nobody can say where guest ${uuid} is: ${abandoned.message}`);
}

// Restarts guests that died on a host that is alive. Level-triggered: a guest is started if its
// agent reports it as crashed and Nova shows the server as off. Each start is recorded before it is
// requested.
import { isFault } from '#contracts/common/fault.ts';
import { hasDied } from '../domain/died-guests.ts';
import type { GuestLimits } from '../domain/guest-recovery.ts';
import { isForgotten, nextGuestStep } from '../domain/guest-recovery.ts';
import { recoveryPolicyFor } from '../recovery-facts.ts';
import { forgetGuest, listGuests, recordGuest } from '../store/guests.ts';
import type { StoredHeartbeat } from '../store/heartbeats.ts';
import type { GuestRow, HostRow } from '../store/tables.ts';
import { whyHaIsOff } from './hypervisor-resources.ts';
import type { StepDeps } from './step.ts';
import { forEachHost } from './step.ts';

const pauseMs = 5_000;
const startedMessage = 'its process had ended';

/** One pass over all hosts. */
export async function recoverGuests(
  deps: StepDeps,
  all: readonly HostRow[],
  heartbeats: ReadonlyMap<string, StoredHeartbeat>,
): Promise<void> {
  const { db } = deps.database;
  const guestRows = new Map((await listGuests(db)).map((row) => [row.server_id, row]));
  await forgetThoseThatRun(deps, heartbeats, guestRows);
  const hosts = all.filter(
    ({ host, state, enabled }) =>
      state === 'Healthy' && enabled === 1 && diedOn(heartbeats.get(host), guestRows).length > 0,
  );
  await forEachHost(
    deps,
    hosts,
    ({ host }) => host,
    async (row) => await recoverOn(deps, row, heartbeats.get(row.host), guestRows),
  );
}

/**
 * The guests that have died according to the last heartbeat; none if the hypervisor did not answer.
 */
function diedOn(
  heartbeat: StoredHeartbeat | undefined,
  guestRows: ReadonlyMap<string, GuestRow>,
): string[] {
  return (heartbeat?.guests ?? [])
    .filter((guest) =>
      hasDied(guest, heartbeat?.ran ?? [], guestRows.get(guest.uuid)?.host === heartbeat?.host),
    )
    .map(({ uuid }) => uuid);
}

const limitsOf = ({ config }: StepDeps): GuestLimits => ({
  restarts: config.guestRestarts,
  forgetAfterMs: config.guestForgetMs,
  pauseMs,
});

const asRecovery = (row: GuestRow) => ({
  attempts: row.attempts,
  lastAtMs: row.last_at_ms,
  isGivenUp: row.given_up === 1,
  refusal: row.message === startedMessage ? null : row.message,
});

/**
 * Deletes the record of each guest that has not died according to the last heartbeat and was last
 * started long enough ago: it runs, was stopped on purpose, or is no longer on the host.
 */
async function forgetThoseThatRun(
  deps: StepDeps,
  heartbeats: ReadonlyMap<string, StoredHeartbeat>,
  guestRows: ReadonlyMap<string, GuestRow>,
): Promise<void> {
  for (const row of guestRows.values()) {
    const heartbeat = heartbeats.get(row.host);
    if (!heartbeat?.guests || diedOn(heartbeat, guestRows).includes(row.server_id)) continue;
    if (isForgotten(asRecovery(row), limitsOf(deps), deps.clock.now()))
      await forgetGuest(deps.database.db, row.server_id);
  }
}

async function recoverOn(
  deps: StepDeps,
  { host }: HostRow,
  heartbeat: StoredHeartbeat | undefined,
  guestRows: ReadonlyMap<string, GuestRow>,
): Promise<void> {
  const { observer, config, nova } = deps;
  const { agentSilentMs } = observer.evidence(host, { isNew: false, power: null });
  if (agentSilentMs > config.agentTimeoutMs || (await whyHaIsOff(deps, host)) !== undefined) return;
  const images = new Map<string, Record<string, string>>();
  for (const uuid of diedOn(heartbeat, guestRows)) {
    const row = guestRows.get(uuid);
    if (row?.given_up === 1) continue;
    const server = await nova.server(uuid);
    if (isFault(server) && server.kind !== 'notFound') continue;
    const current = isFault(server) ? null : server;
    const lastAction = current === null ? null : await nova.lastAction(uuid);
    if (isFault(lastAction)) continue;
    const isWanted = current !== null && (await recoveryPolicyFor(nova, current, images)).isWanted;
    const recovery = row && asRecovery(row);
    const facts = { server: current, host, isWanted, lastAction, recovery };
    const step = nextGuestStep(facts, limitsOf(deps), deps.clock.now());
    if (step.do === 'nothing') continue;
    const name = current?.name ?? '';
    const message = step.do === 'start' ? startedMessage : step.message;
    await carryOut(deps, { uuid, host, name, message, isGivenUp: step.do === 'giveUp' }, row);
  }
}

async function carryOut(
  { database, clock, nova, log }: StepDeps,
  guest: { uuid: string; host: string; name: string; message: string; isGivenUp: boolean },
  before: GuestRow | undefined,
): Promise<void> {
  const { uuid, host, name, message, isGivenUp } = guest;
  const attempts = (before?.attempts ?? 0) + (isGivenUp ? 0 : 1);
  const row = {
    server_id: uuid,
    host,
    name,
    attempts,
    last_at_ms: clock.now(),
    given_up: isGivenUp ? 1 : 0,
    message,
  };
  await recordGuest(database.db, row);
  if (isGivenUp) return log.error({ server: uuid, host, attempts, why: message }, 'guest left off');
  const started = await nova.start(uuid);
  if (!isFault(started))
    return log.warn({ server: uuid, host, attempts }, 'a guest died and is started again');
  // If Nova does not answer, the attempt does not count against the guest.
  const countedAttempts = started.kind === 'unavailable' ? attempts - 1 : attempts;
  const refusal = `Nova did not start it: ${started.message}`;
  await recordGuest(database.db, { ...row, attempts: countedAttempts, message: refusal });
  log.warn(
    { server: uuid, host, attempts: countedAttempts, why: started.message },
    'guest not started',
  );
}

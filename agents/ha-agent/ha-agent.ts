// The HA Agent of a hypervisor host. It shows in two independent ways that the host is alive
// (heartbeats to the HA Service by HTTP, a mark on the shared storage), and reports what it sees of
// its neighbours. It decides nothing, but feeds the host's watchdog only while it can reach the
// service, the storage or a neighbour. Started by compose.
import { isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { Heartbeat, HeartbeatAnswer, Sighting } from '#contracts/ha/wire.ts';
import { withDeadline } from '#platform/clock.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import { createTroubleLog } from '#platform/trouble-log.ts';
import type { HaAgentDeps } from './deps.ts';
import { reportedLimit } from './domain/self-fencing.ts';

export interface HaAgent {
  start(): Promise<Outcome<void>>;
  tasks: readonly Task[];
  stop(): Promise<void>;
}

const everyMs = 1_000;
/** Sightings of neighbours older than this are not reported. Longer than one probe may take. */
const sightingLastsMs = 4_000;
/**
 * How long a heartbeat waits for the list of guests; without it the heartbeat says that the
 * hypervisor does not answer.
 */
const guestsTimeoutMs = 1_000;

export function createHaAgent(deps: HaAgentDeps): HaAgent {
  const { hypervisor, probe, marks, watchdog, service, clock, log, config } = deps;
  const { host, bootId, address, selfFencingMs: wantedMs } = config;
  const troubles = createTroubleLog(log);
  const sightings = new Map<string, Sighting & { atMs: number }>();
  let neighbours: HeartbeatAnswer['neighbours'] = [];
  let marksWritten = 0;
  /** The limit with which the watchdog is armed; null: it is not armed. */
  let armedMs: number | null = null;
  /**
   * Start of the latest action that proved that the host is not cut off, and of the one for which
   * the watchdog was last fed.
   */
  let [contactAtMs, fedAtMs] = [-Infinity, -Infinity];
  const contact = (sinceMs: number): void => void (contactAtMs = Math.max(contactAtMs, sinceMs));

  /**
   * Hypervisor, storage and neighbours are separate tasks, so that one that hangs does not delay
   * the heartbeats.
   */
  const writeMark = async (): Promise<void> => {
    if ((await config.uptimeMs()) === null) return;
    marksWritten += 1;
    const sinceMs = clock.monotonicMs();
    const writing = await marks.write(host, `${bootId}:${marksWritten}`);
    troubles.note('mark', writing, 'the mark on the shared storage is not written');
    if (!isFault(writing)) contact(sinceMs);
  };

  const lookAt = async (neighbour: HeartbeatAnswer['neighbours'][number]): Promise<void> => {
    const sinceMs = clock.monotonicMs();
    const [reached, mark] = await Promise.all([
      probe.reaches(neighbour.address),
      marks.read(neighbour.host),
    ]);
    if (reached === true) contact(sinceMs);
    sightings.set(neighbour.host, {
      reached: isFault(reached) ? null : reached,
      storageMark: isFault(mark) ? null : mark,
      atMs: clock.monotonicMs(),
    });
  };

  const guests = async (): Promise<Heartbeat['guests']> => {
    const listed = await withDeadline(hypervisor.list(), guestsTimeoutMs, () => null, clock);
    if (listed === null || isFault(listed)) return null;
    return listed.map(({ uuid, state }) => ({ uuid, state }));
  };

  const report = async (): Promise<void> => {
    const uptimeMs = await config.uptimeMs();
    if (uptimeMs === null) return;
    const sinceMs = clock.monotonicMs() - sightingLastsMs;
    const saw = Object.fromEntries(
      [...sightings].flatMap(([name, { atMs, reached, storageMark }]) =>
        atMs < sinceMs ? [] : [[name, { reached, storageMark }]],
      ),
    );
    const atMs = clock.monotonicMs();
    const answer = await service.report({
      host,
      bootId,
      address,
      uptimeS: Math.floor(uptimeMs / 1_000),
      guests: await guests(),
      selfFencingMs: reportedLimit(armedMs, wantedMs),
      saw,
    });
    troubles.note('report', answer, 'the HA Service does not take heartbeats');
    if (isFault(answer)) return;
    neighbours = answer;
    contact(atMs);
    // The service has accepted the limit in this heartbeat, so the watchdog may now be armed with
    // it.
    await inTurn(rearm);
  };

  /** Serializes work on the watchdog: a feed that began before a disarm must not end after it. */
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = async (work: () => Promise<void>): Promise<void> => {
    const ownTurn = turn.then(work);
    turn = ownTurn.catch(() => undefined); // `work`'s own caller gets the error
    await ownTurn;
  };

  const rearm = async (): Promise<void> => {
    if (wantedMs === armedMs) return;
    const armed =
      wantedMs === null ? await watchdog.disarm() : await watchdog.feed(wantedMs, contactAtMs);
    troubles.note('arm', armed, 'the watchdog of the host cannot be armed');
    if (isFault(armed)) return;
    armedMs = wantedMs;
    log.info({ host, limitMs: armedMs }, 'the watchdog of the host is armed, or disarmed');
  };

  /**
   * Feeds with the time of the last contact, not of this call: after a pause of the process old
   * contacts must not count as new.
   */
  const feed = async (): Promise<void> => {
    if (armedMs === null || contactAtMs === fedAtMs) return;
    const atMs = contactAtMs;
    const fed = await watchdog.feed(armedMs, atMs);
    troubles.note('feed', fed, 'the watchdog of the host cannot be fed');
    if (!isFault(fed)) fedAtMs = atMs;
  };

  const task = (name: string, run: () => Promise<void>): Task => ({
    name: `ha-agent.${name}`,
    everyMs,
    scope: 'every',
    atStart: true,
    run,
  });
  return {
    async start() {
      const limit = await watchdog.limit();
      if (isFault(limit)) return limit;
      armedMs = limit;
      return undefined;
    },
    tasks: [
      task('report', report),
      task('write-mark', writeMark),
      task('feed-watchdog', async () => await inTurn(feed)),
      task('look-at-neighbours', async () => void (await Promise.all(neighbours.map(lookAt)))),
    ],
    stop: async () => marks.close(),
  };
}

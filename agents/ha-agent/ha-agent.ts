// The HA Agent of a hypervisor host: says that the host lives, in two ways that fail apart from
// each other (to the HA Service by HTTP, on the shared storage by a mark), and what it sees of its
// neighbours. It decides nothing, but feeds the host's watchdog only as long as it reaches anybody.
// Started by compose.
import { isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { Heartbeat, HeartbeatAnswer, Sighting } from '#contracts/ha/wire.ts';
import { withDeadline } from '#platform/clock.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import { createTroubleLog } from '#platform/trouble-log.ts';
import type { HaAgentDeps } from './deps.ts';
import { toldLimit } from './domain/self-fencing.ts';

export interface HaAgent {
  start(): Promise<Outcome<void>>;
  tasks: readonly Task[];
  stop(): Promise<void>;
}

const everyMs = 1_000;
/** Longer than one look may take: what was seen before is not told any more. */
const sightingLastsMs = 4_000;
const guestsTimeoutMs = 1_000;

export function createHaAgent(deps: HaAgentDeps): HaAgent {
  const { hypervisor, probe, marks, watchdog, service, clock, log, config } = deps;
  const { host, bootId, address, selfFencingMs: wantedMs } = config;
  const troubles = createTroubleLog(log);
  const sightings = new Map<string, Sighting & { atMs: number }>();
  let neighbours: HeartbeatAnswer['neighbours'] = [];
  let marksWritten = 0;
  /** What the watchdog is armed with. */
  let armedMs: number | null = null;
  /** When that began which last showed that the host is not cut off; and the one that was fed. */
  let [contactAtMs, fedAtMs] = [-Infinity, -Infinity];
  const contact = (sinceMs: number): void => void (contactAtMs = Math.max(contactAtMs, sinceMs));

  /** Whatever hangs (the hypervisor, the storage) holds up no report: each is a task of its own. */
  const writeMark = async (): Promise<void> => {
    if ((await config.uptimeMs()) === null) return;
    marksWritten += 1;
    const sinceMs = clock.monotonicMs();
    const written = await marks.write(host, `${bootId}:${marksWritten}`);
    troubles.note('mark', written, 'the mark on the shared storage is not written');
    if (!isFault(written)) contact(sinceMs);
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
      selfFencingMs: toldLimit(armedMs, wantedMs),
      saw,
    });
    troubles.note('report', answer, 'the HA Service does not take heartbeats');
    if (isFault(answer)) return;
    neighbours = answer;
    contact(atMs);
    // What it was just told holds for the watchdog from now on.
    await inTurn(rearm);
  };

  /** A feeding that began before the watchdog is disarmed must not end after it. */
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = async (work: () => Promise<void>): Promise<void> => {
    const ownTurn = turn.then(work);
    turn = ownTurn.catch(() => undefined); // told to whoever waits for this one
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

  /** By the contact, not by the call: what was seen before a pause is not seen after it. */
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

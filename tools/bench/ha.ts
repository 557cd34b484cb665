// `cobalt bench ha`: kills the init of a real host with six running servers, two of them with their
// disks on volumes, each pinged from outside. Measures when they answer on other hosts, and whether
// the host comes back without them. For comparison: how long six such guests take to boot at once.
import { setTimeout as pause } from 'node:timers/promises';
import type { HostDetail } from '#contracts/ha/wire.ts';
import { pings } from '#test/e2e/network.testing.ts';
import type { BenchCloud } from './cloud.ts';
import { startBenchCloud } from './cloud.ts';
import type { HaServers, Hostname } from './ha-servers.ts';
import { bootHaServers, guestsOf, initOf } from './ha-servers.ts';
import type { Figure } from './report.ts';
import { median } from './report.ts';

/**
 * The bars, in seconds: the first server answers within 20 s and all within 45 s, for guests that
 * boot in 3 s; the rest is the time of the HA Service and Nova. How long guests take to boot here
 * is measured.
 */
const [firstBarS, allBarS] = [20, 45];
const [firstStartedBarS, allStartedBarS] = [17, 42];
const settleMs = 300_000;
const pollEveryMs = 200;
/** HA states, and the texts of the timeline that tell when the host entered them. */
const milestones = {
  suspect: 'Healthy → Suspect',
  confirmed: 'Confirming → Fencing',
  fenced: 'Fencing → Fenced',
} as const;

/** Seconds since the death of the host. */
interface Round {
  suspect: number;
  confirmed: number;
  fenced: number;
  /** When the first server was active on another host, as Nova shows it. */
  firstStarted: number;
  /** When the last server was. */
  lastStarted: number;
  /** When the first server answered pings again. */
  first: number;
  /** When all servers answered pings again. */
  all: number;
  /** From the host's release until Nova may place servers on it. */
  back: number;
  /** Volumes that do not contain what was written to them. */
  damaged: number;
  /**
   * Number of polls at which Nova could use the host although guests that had been evacuated were
   * still on it.
   */
  stale: number;
}

export async function benchHa(
  say: (text: string) => void,
  { rounds }: { rounds: number },
): Promise<Figure[]> {
  const cloud = await startBenchCloud({
    hosts: 2,
    simulated: 0,
    settings: 'ha:\n  enabled: true\n',
  });
  try {
    say('six servers boot');
    const servers = await bootHaServers(cloud, 'h1');
    for (const host of ['h1', 'h2'] as const) await reaches(cloud, host, 'Healthy');
    say('they are reset at once');
    const boot = await answersAfter(servers, async () => await servers.reset());
    const results: Round[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const [dies, other]: [Hostname, Hostname] = round % 2 === 1 ? ['h1', 'h2'] : ['h2', 'h1'];
      const result = await loseHost(cloud, servers, dies, other, `round ${round}`);
      results.push(result);
      say(`round ${round} of ${rounds}: ${asText(result)}`);
    }
    return figuresOf(results, boot);
  } finally {
    await cloud.close();
  }
}

const asText = (round: Round): string =>
  Object.entries(round)
    .map(([name, value]) => `${name} ${Number.isInteger(value) ? value : value.toFixed(1)}`)
    .join(', ');

function figuresOf(rounds: readonly Round[], boot: { first: number; all: number }): Figure[] {
  const middle = (of: (round: Round) => number): number => median(rounds.map(of));
  const sum = (of: (round: Round) => number): number =>
    rounds.reduce((total, round) => total + of(round), 0);
  const [first, all] = [middle((round) => round.first), middle((round) => round.all)];
  const seconds = (what: string, value: number): Figure => ({ what, value, unit: 's' });
  const share = (what: string, value: number, of: number): Figure => ({
    what,
    value: value / of,
    unit: '',
    bar: { atMost: 1 },
  });
  return [
    seconds(
      `death of a host until it is suspect, median of ${rounds.length}`,
      middle((round) => round.suspect),
    ),
    seconds(
      'until two sources agree',
      middle((round) => round.confirmed),
    ),
    seconds(
      'until its power is off, verified',
      middle((round) => round.fenced),
    ),
    {
      ...seconds(
        'until the first of 6 servers is started elsewhere',
        middle((round) => round.firstStarted),
      ),
      bar: { atMost: firstStartedBarS },
    },
    {
      ...seconds(
        'until the last one is',
        middle((round) => round.lastStarted),
      ),
      bar: { atMost: allStartedBarS },
    },
    {
      ...seconds('until the first of 6 servers answers a ping elsewhere', first),
      yardstick: { what: 'the first of 6 guests that are reset at once', value: boot.first },
    },
    { what: `the same, of ${firstBarS} s`, value: first / firstBarS, unit: '' },
    share(`the same, of ${firstStartedBarS} s and that boot`, first, firstStartedBarS + boot.first),
    {
      ...seconds('until all 6 answer', all),
      yardstick: { what: 'all 6 guests that are reset at once', value: boot.all },
    },
    { what: `the same, of ${allBarS} s`, value: all / allBarS, unit: '' },
    share(`the same, of ${allStartedBarS} s and that boot`, all, allStartedBarS + boot.all),
    seconds(
      'acknowledged until the host serves again',
      middle((round) => round.back),
    ),
    {
      what: 'volumes without what was written to them',
      value: sum((round) => round.damaged),
      unit: '',
      bar: { atMost: 0 },
    },
    {
      what: 'looks at which the host served with guests that had moved',
      value: sum((round) => round.stale),
      unit: '',
      bar: { atMost: 0 },
    },
  ];
}

async function loseHost(
  cloud: BenchCloud,
  servers: HaServers,
  dies: Hostname,
  other: Hostname,
  token: string,
): Promise<Round> {
  await servers.write(token);
  const init = await initOf(cloud, dies);
  let diedAtMs = 0;
  const answers = await answersAfter(servers, async () => {
    diedAtMs = Date.now();
    process.kill(init, 'SIGKILL');
  });
  const damaged = await servers.damaged(token);
  const { timeline, moves } = await reaches(cloud, dies, 'Recovered');
  const started = moves.map(({ endedAtMs }) => ((endedAtMs ?? Infinity) - diedAtMs) / 1_000);
  const hosts = await servers.hosts();
  if (hosts.some((host) => host !== other))
    throw new Error(`the servers are on ${hosts.join(', ')}, not on ${other}`);
  const since = (what: string): number => {
    const entry = timeline.find((each) => each.what === what && each.atMs >= diedAtMs);
    if (!entry) throw new Error(`no "${what}" in the timeline of ${dies}`);
    return (entry.atMs - diedAtMs) / 1_000;
  };
  return {
    suspect: since(milestones.suspect),
    confirmed: since(milestones.confirmed),
    fenced: since(milestones.fenced),
    firstStarted: Math.min(...started),
    lastStarted: Math.max(...started),
    ...answers,
    damaged,
    ...(await comesBack(cloud, dies)),
  };
}

/** When each address fell silent and then answered again: seconds to the first and to the last. */
async function answersAfter(
  { addresses }: HaServers,
  event: () => Promise<void>,
): Promise<{ first: number; all: number }> {
  await event();
  const startedAtMs = performance.now();
  const becomes = async (address: string, answering: boolean): Promise<number> => {
    for (;;) {
      if ((await pings(address)) === answering) return (performance.now() - startedAtMs) / 1_000;
      if (performance.now() - startedAtMs > settleMs)
        throw new Error(`${address} ${answering ? 'does not answer' : 'answers still'}`);
      await pause(pollEveryMs);
    }
  };
  const times = await Promise.all(
    addresses.map(async (address) => {
      await becomes(address, false);
      return await becomes(address, true);
    }),
  );
  return { first: Math.min(...times), all: Math.max(...times) };
}

/**
 * Releases the host, and watches whether it is ever in service with a guest that now runs
 * elsewhere.
 */
async function comesBack(
  cloud: BenchCloud,
  host: Hostname,
): Promise<{ back: number; stale: number }> {
  await cloud.admin.ask('ha', 'POST', `/api/hypervisors/${host}/acknowledge`);
  const releasedAtMs = performance.now();
  for (let stale = 0; ; await pause(pollEveryMs)) {
    const serves = await isServing(cloud, host);
    const left = serves ? await guestsOf(cloud, host) : [];
    if (left.length > 0) stale += 1;
    const { state } = await detailOf(cloud, host);
    const back = (performance.now() - releasedAtMs) / 1_000;
    if (serves && left.length === 0 && state === 'Healthy') return { back, stale };
    if (back * 1_000 > settleMs) throw new Error(`${host} does not come back: it is ${state}`);
  }
}

const detailOf = async ({ admin }: BenchCloud, host: string): Promise<HostDetail> =>
  await admin.ask<HostDetail>('ha', 'GET', `/api/hypervisors/${host}`);

async function reaches(
  cloud: BenchCloud,
  host: string,
  wanted: HostDetail['state'],
): Promise<HostDetail> {
  for (const startedAtMs = performance.now(); ; await pause(pollEveryMs)) {
    const { status, body } = await cloud.admin.send('ha', 'GET', `/api/hypervisors/${host}`);
    // Cast: the route's body.
    const detail = status < 300 ? (body as unknown as HostDetail) : undefined;
    if (detail?.state === wanted) return detail;
    if (performance.now() - startedAtMs > settleMs)
      throw new Error(`${host} is ${detail?.state ?? 'not watched'}, not ${wanted}`);
  }
}

/** Whether Nova would place servers on the host. */
async function isServing({ admin }: BenchCloud, host: string): Promise<boolean> {
  const { services } = await admin.ask<{ services: { state: string; status: string }[] }>(
    'compute',
    'GET',
    `/v2.1/os-services?binary=nova-compute&host=${host}`,
  );
  return services.some(({ state, status }) => state === 'up' && status === 'enabled');
}

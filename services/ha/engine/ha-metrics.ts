// The metrics of the HA engine. States are of the rows that this process reads each second; events
// are counted by the process that writes them.
import type { Clock } from '#platform/clock.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';
import type { HaConfig } from '../deps.ts';
import type { HostRow } from '../store/tables.ts';
import type { Observer } from './observer.ts';

/**
 * recovered: no server is left to move, and none failed; incomplete: none is left, and some failed;
 * called_off: the host was heard again, or HA switched off for it, before it was fenced.
 */
export const incidentResults = ['recovered', 'incomplete', 'called_off'] as const;
export type IncidentResult = (typeof incidentResults)[number];

export const serverResults = ['succeeded', 'failed', 'ignored'] as const;
export type ServerResult = (typeof serverResults)[number];

export interface HaMetrics {
  /** All watched hosts, as they are in the database now. */
  hostsRead(hosts: readonly HostRow[]): void;
  /** Each of these is told by the process that has written it, once. */
  detected(seconds: number): void;
  fenced(seconds: number): void;
  fencingFailed(): void;
  /** A look that would have fenced a host, if no more hosts failed than may. */
  fencingRefused(): void;
  serverSettled(result: ServerResult): void;
  firstServer(seconds: number): void;
  lastServer(seconds: number): void;
  incidentEnded(result: IncidentResult): void;
}

/** From a detection in two seconds to an evacuation that takes all the time it may. */
const bucketsS = [1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900];

/** What was read longer ago is shown no more: the database is away. */
const shownForMs = 15_000;

export function createHaMetrics(
  metrics: Pick<Metrics, 'counter' | 'gauge' | 'histogram'>,
  { observer, clock, config }: { observer: Observer; clock: Clock; config: HaConfig },
): HaMetrics {
  let read: { hosts: readonly HostRow[]; atMs: number } | undefined;
  const hosts = (): readonly HostRow[] =>
    read !== undefined && clock.monotonicMs() - read.atMs <= shownForMs ? read.hosts : [];

  metrics.gauge(
    { name: 'cobalt_ha_enabled', help: '1: HA is switched on, by the setting ha.enabled' },
    () => [{ value: config.enabled ? 1 : 0 }],
  );
  metrics.gauge(
    {
      name: 'cobalt_ha_host_state',
      help: '1: the HA state of a watched host; each host has one. All engine processes show the same: take max by (host, zone, state)',
      labelNames: ['host', 'zone', 'state'],
    },
    () => hosts().map(({ host, zone, state }) => ({ labels: { host, zone, state }, value: 1 })),
  );
  metrics.gauge(
    {
      name: 'cobalt_ha_agent_silent_seconds',
      help: 'Seconds since this engine process last heard the HA agent of a watched host; take min by (host, zone)',
      labelNames: ['host', 'zone'],
    },
    () =>
      hosts().map(({ host, zone }) => {
        const { agentSilentMs } = observer.evidence(host, { isNew: false, power: null });
        return { labels: { host, zone }, value: agentSilentMs / 1000 };
      }),
  );
  const incidents = metrics.counter({
    name: 'cobalt_ha_incidents_total',
    help: 'Incidents that are over: recovered, incomplete (some servers were not recovered) or called_off (before the host was fenced)',
    labelNames: ['result'],
  });
  const fencingFailures = metrics.counter({
    name: 'cobalt_ha_fencing_failures_total',
    help: 'Times that a host could not be fenced',
  });
  const fencingRefusals = metrics.counter({
    name: 'cobalt_ha_fencing_refusals_total',
    help: 'Looks, about one a second, at which a dead host was not fenced since more hosts fail than may',
  });
  const servers = metrics.counter({
    name: 'cobalt_ha_servers_total',
    help: 'Servers of hosts that died, by what became of them: succeeded (run elsewhere), failed or ignored (HA is off for them, or they were deleted)',
    labelNames: ['result'],
  });
  // a rate needs a first value
  for (const result of incidentResults) incidents({ result }, 0);
  for (const result of serverResults) servers({ result }, 0);
  const times = (name: string, help: string): ((seconds: number) => void) => {
    const observe = metrics.histogram({ name, help }, bucketsS);
    return (seconds) => observe({}, seconds);
  };
  const sinceHeard = 'Seconds from the last heartbeat of a host that died to';
  return {
    hostsRead: (rows) => void (read = { hosts: rows, atMs: clock.monotonicMs() }),
    detected: times('cobalt_ha_detect_seconds', `${sinceHeard} the decision to fence it`),
    fenced: times(
      'cobalt_ha_fence_seconds',
      'Seconds from the decision to fence a host to the proof that it is off, with all attempts',
    ),
    fencingFailed: () => fencingFailures({}),
    fencingRefused: () => fencingRefusals({}),
    serverSettled: (result) => servers({ result }),
    firstServer: times('cobalt_ha_first_server_seconds', `${sinceHeard} its first server's return`),
    lastServer: times('cobalt_ha_last_server_seconds', `${sinceHeard} its last server's return`),
    incidentEnded: (result) => incidents({ result }),
  };
}

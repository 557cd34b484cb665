// The metrics of the HA engine. Gauges show the rows that this process reads every second; events
// are counted by the process that writes them to the database.
import type { Clock } from '#platform/clock.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';
import type { HaConfig } from '../deps.ts';
import type { HostRow } from '../store/tables.ts';
import type { Observer } from './observer.ts';

/**
 * How an incident ended. recovered: all servers were recovered or ignored; incomplete: some failed;
 * called_off: before the host was fenced it was heard again, or HA was switched off for it.
 */
export const incidentResults = ['recovered', 'incomplete', 'called_off'] as const;
export type IncidentResult = (typeof incidentResults)[number];

export const serverResults = ['succeeded', 'failed', 'ignored'] as const;
export type ServerResult = (typeof serverResults)[number];

export interface HaMetrics {
  /** Sets the rows that the gauges show: all watched hosts, just read from the database. */
  hostsRead(hosts: readonly HostRow[]): void;
  /** This and the following: call once per event, in the process that wrote it. */
  detected(seconds: number): void;
  fenced(seconds: number): void;
  fencingFailed(): void;
  /**
   * A pass did not fence a dead host because too many hosts fail at the same time, or no host is
   * heard.
   */
  fencingRefused(): void;
  serverSettled(result: ServerResult): void;
  firstServer(seconds: number): void;
  lastServer(seconds: number): void;
  incidentEnded(result: IncidentResult): void;
}

/** From the fastest detection to `evacuationTimeoutMs`. */
const bucketsS = [1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900];

/** Rows older than this are not exposed: the database does not answer. */
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
      help: 'Always 1; the HA state of a watched host is a label. All engine processes expose the same: use max by (host, zone, state)',
      labelNames: ['host', 'zone', 'state'],
    },
    () => hosts().map(({ host, zone, state }) => ({ labels: { host, zone, state }, value: 1 })),
  );
  metrics.gauge(
    {
      name: 'cobalt_ha_agent_silent_seconds',
      help: 'Seconds since this engine process last received a heartbeat of a watched host; use min by (host, zone)',
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
    help: 'Failed attempts to fence a host',
  });
  const fencingRefusals = metrics.counter({
    name: 'cobalt_ha_fencing_refusals_total',
    help: 'Passes of the engine, about one a second, in which a dead host was not fenced because too many hosts fail at the same time',
  });
  const servers = metrics.counter({
    name: 'cobalt_ha_servers_total',
    help: 'Servers of hosts that died, by what became of them: succeeded (run elsewhere), failed or ignored (HA is off for them, or they were deleted)',
    labelNames: ['result'],
  });
  // Counters start at 0, so that rate() sees the first event.
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

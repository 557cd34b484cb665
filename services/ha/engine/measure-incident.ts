// Updates the metrics of an incident after a change of its host's state. Called once per change, by
// the process that wrote it.
import type { Database } from '#platform/db/database.ts';
import type { HaEvent } from '../domain/host-state.ts';
import type { IncidentTimes } from '../domain/incident-times.ts';
import { incidentTimes } from '../domain/incident-times.ts';
import { listEntries } from '../store/incidents.ts';
import { listMoves } from '../store/moves.ts';
import type { HaTables } from '../store/tables.ts';
import type { HaMetrics } from './ha-metrics.ts';

interface Deps {
  database: Database<HaTables>;
  metrics: HaMetrics;
}

export async function measureIncident(
  deps: Deps,
  incidentId: string | null,
  event: HaEvent,
): Promise<void> {
  const { database, metrics } = deps;
  switch (event) {
    case 'heard':
      return metrics.incidentEnded('called_off');
    case 'unfenceable':
      return metrics.fencingFailed();
    case 'agreed':
    case 'fenced': {
      const { detectMs, fenceMs } = await timesOf(deps, incidentId);
      const ms = event === 'agreed' ? detectMs : fenceMs;
      if (ms !== undefined) metrics[event === 'agreed' ? 'detected' : 'fenced'](ms / 1000);
      return;
    }
    case 'recovered': {
      const moves = await listMoves(database.db, incidentId ?? '');
      const hasFailed = moves.some(({ status }) => status === 'failed');
      metrics.incidentEnded(hasFailed ? 'incomplete' : 'recovered');
      const ends = moves.flatMap(({ status, ended_at_ms: atMs }) =>
        status === 'succeeded' ? (atMs ?? []) : [],
      );
      const { firstServerMs, lastServerMs } = await timesOf(deps, incidentId, ends);
      if (firstServerMs !== undefined) metrics.firstServer(firstServerMs / 1000);
      if (lastServerMs !== undefined) metrics.lastServer(lastServerMs / 1000);
      return;
    }
    case 'silent':
    case 'confirmed':
    case 'doubted':
    case 'retried':
    case 'acknowledged':
    case 'forcedDown':
    case 'returned':
  }
}

const timesOf = async (
  { database }: Deps,
  incidentId: string | null,
  recoveredAtMs: readonly number[] = [],
): Promise<IncidentTimes> =>
  incidentTimes(await listEntries(database.db, incidentId ?? ''), recoveredAtMs);

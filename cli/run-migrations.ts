// Carries out planned live migrations by Nova and waits for them; each host takes part in at most
// one at a time. For `cobalt rebalance --apply`.
import type { RebalanceMigration } from '#contracts/cortex/rebalance.ts';
import type { Clock } from '#platform/clock.ts';
import type { CloudClient } from './cloud-client.ts';

export interface MigrationsDeps {
  cloud: Pick<CloudClient, 'send'>;
  clock: Pick<Clock, 'sleep' | 'monotonicMs'>;
  /** Called at the end of a migration; `failure` undefined: the server is on its target. */
  onEnd(migration: RebalanceMigration, failure: string | undefined): void;
}

export interface MigrationsResult {
  moved: string[];
  failed: string[];
}

const pollEveryMs = 1_000;
/** A migration that takes longer counts as failed, and is left to Nova. */
const longestMs = 3_600_000;

export async function runMigrations(
  deps: MigrationsDeps,
  migrations: readonly RebalanceMigration[],
  atOnce: number,
): Promise<MigrationsResult> {
  const result: MigrationsResult = { moved: [], failed: [] };
  const waiting = [...migrations];
  const running = new Map<RebalanceMigration, Promise<void>>();
  const isBusy = ({ from, to }: RebalanceMigration): boolean =>
    [...running.keys()].some((one) => [one.from, one.to].some((host) => [from, to].includes(host)));
  const begin = async (migration: RebalanceMigration): Promise<void> => {
    const failure = await migrate(deps, migration);
    (failure === undefined ? result.moved : result.failed).push(migration.server);
    deps.onEnd(migration, failure);
  };
  while (waiting.length > 0 || running.size > 0) {
    const next = running.size < atOnce ? waiting.findIndex((one) => !isBusy(one)) : -1;
    const [migration] = next < 0 ? [] : waiting.splice(next, 1);
    if (migration)
      running.set(
        migration,
        begin(migration).finally(() => running.delete(migration)),
      );
    else await Promise.race(running.values());
  }
  return result;
}

/** Live-migrates one server; returns why it failed, or undefined. */
async function migrate(
  { cloud, clock }: MigrationsDeps,
  { server, to }: RebalanceMigration,
): Promise<string | undefined> {
  const path = `/v2.1/servers/${encodeURIComponent(server)}`;
  const ordered = await cloud.send('compute', 'POST', `${path}/action`, {
    'os-migrateLive': { host: to, block_migration: 'auto' },
  });
  if (ordered.status !== 202) return refusalIn(ordered.body) ?? `Nova answered ${ordered.status}`;
  const startMs = clock.monotonicMs();
  while (clock.monotonicMs() - startMs < longestMs) {
    await clock.sleep(pollEveryMs);
    const { status, body } = await cloud.send('compute', 'GET', path);
    if (status === 404) return 'it was deleted';
    if (status !== 200) continue; // Nova is unreachable for a moment
    // Cast: a 200 has a server.
    const { server: current } = body as { server: Record<string, string | null> };
    if (current['OS-EXT-STS:task_state'] !== null) continue;
    const host = current['OS-EXT-SRV-ATTR:host'];
    return host === to ? undefined : `it is ${current['status']} on ${host}`;
  }
  return 'it takes longer than an hour';
}

function refusalIn(body: unknown): string | undefined {
  const [first] = Object.values((body ?? {}) as Record<string, { message?: string }>);
  return first?.message;
}

// The figures of all backends, asked for at most every `statsMaxAgeMs` however many volumes are
// placed by them.
import { sql } from 'kysely';
import { fault, isFault } from '#contracts/common/fault.ts';
import { withDeadline } from '#platform/clock.ts';
import type { BackendFacts } from '#ports/volume-backend.ts';
import type { CinderDeps } from '../deps.ts';
import type { Pool } from '../domain/pick-pool.ts';
import { poolHost } from '../domain/pick-pool.ts';

const factsTimeoutMs = 10_000;
/** One that does not answer is asked again soon: it may only have restarted. */
const silentMaxAgeMs = 500;

export function watchPools({
  database: { db },
  backends,
  clock,
  config,
  log,
}: CinderDeps): () => Promise<readonly Pool[]> {
  const last = new Map<string, BackendFacts>();
  let held: { pools: readonly Pool[]; atMs: number } | undefined;
  let asking: Promise<readonly Pool[]> | undefined;

  async function ask(): Promise<readonly Pool[]> {
    const provisioned = new Map(
      (
        await db
          .selectFrom('volumes')
          .select(['host', sql<number>`sum(size_gib)`.as('gib')])
          .groupBy('host')
          .execute()
      ).map(({ host, gib }) => [host, Number(gib)]),
    );
    const services = new Map(
      (
        await db.selectFrom('services').selectAll().where('binary', '=', 'cinder-volume').execute()
      ).map((row) => [row.host, row]),
    );
    const asked = await Promise.all(
      [...backends].map(async ([backend, driver]): Promise<Pool | undefined> => {
        const facts = await withDeadline(
          driver.facts(),
          factsTimeoutMs,
          () => fault('timeout', `The backend ${backend} does not answer.`),
          clock,
        );
        if (isFault(facts)) {
          log.warn({ backend, why: facts.message }, 'a backend does not tell its figures');
        } else last.set(backend, facts);
        const known = last.get(backend);
        const host = poolHost(config.controlHost, backend);
        return (
          known && {
            host,
            backend,
            ...known,
            answers: !isFault(facts),
            provisionedGib: provisioned.get(host) ?? 0,
            enabled: services.get(`${config.controlHost}@${backend}`)?.disabled !== 1,
          }
        );
      }),
    );
    const pools = asked.filter((pool) => pool !== undefined);
    held = { pools, atMs: clock.now() };
    return pools;
  }

  return async () => {
    const maxAgeMs = held?.pools.every(({ answers }) => answers)
      ? config.statsMaxAgeMs
      : Math.min(config.statsMaxAgeMs, silentMaxAgeMs);
    if (held && clock.now() - held.atMs < maxAgeMs) return held.pools;
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return await asking;
  };
}

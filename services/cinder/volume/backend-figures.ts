// Reads the current figures of all backends. Called by cinder-volume's heartbeat and, by RPC, by
// cinder-scheduler, which caches them.
import type { BackendFigures } from '#contracts/cinder/volume-rpc.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { withDeadline } from '#platform/clock.ts';
import type { BackendFacts } from '#ports/volume-backend.ts';
import { poolHost } from '../domain/pick-pool.ts';
import type { VolumeDeps } from './volume-deps.ts';

const factsTimeoutMs = 10_000;

/**
 * Returns a function that reads the figures of all backends. For a backend that does not answer
 * now, it returns the last figures that this process has read, with `answers: false`; one that
 * never answered is left out. Concurrent calls share one read.
 */
export function watchBackends({
  backends,
  clock,
  config,
  log,
}: VolumeDeps): () => Promise<BackendFigures[]> {
  const last = new Map<string, BackendFacts>();
  let pending: Promise<BackendFigures[]> | undefined;

  async function ask(): Promise<BackendFigures[]> {
    const figuresOfAll = await Promise.all(
      [...backends].map(async ([backend, driver]): Promise<BackendFigures | undefined> => {
        const facts = await withDeadline(
          driver.facts(),
          factsTimeoutMs,
          () => fault('timeout', `The backend ${backend} does not answer.`),
          clock,
        );
        if (isFault(facts))
          log.warn({ backend, why: facts.message }, 'a backend does not tell its figures');
        else last.set(backend, facts);
        const latest = last.get(backend);
        return (
          latest && {
            backend,
            host: poolHost(config.controlHost, backend),
            ...latest,
            answers: !isFault(facts),
          }
        );
      }),
    );
    return figuresOfAll.filter((figures) => figures !== undefined);
  }

  return async () => {
    pending ??= ask().finally(() => {
      pending = undefined;
    });
    return await pending;
  };
}

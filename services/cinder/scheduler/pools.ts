// The pools as cinder-scheduler knows them: figures from cinder-volume combined with facts from the
// database. Cached for `statsMaxAgeMs`, or for `silentMaxAgeMs` while a backend does not answer.
import type { Pool } from '#contracts/cinder/scheduler-rpc.ts';
import type { CinderVolumeRpc } from '#contracts/cinder/volume-rpc.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { RpcClient } from '#platform/bus/contract.ts';
import type { CinderDeps } from '../deps.ts';
import { serviceHostOf } from '../domain/pick-pool.ts';
import { disabledVolumeHosts } from '../store/services.ts';
import { provisionedByHost } from '../store/volumes.ts';

/** Longer than cinder-volume waits for one backend. */
const figuresTimeoutMs = 15_000;
/**
 * Figures are refreshed after this time if a backend did not answer: it may just have restarted.
 */
const silentMaxAgeMs = 500;

interface PoolsDeps extends Pick<CinderDeps, 'database' | 'clock' | 'config'> {
  volume: Pick<RpcClient<CinderVolumeRpc>, 'call'>;
}

/** Returns the pools. Faults: those of the RPC to cinder-volume; they are not cached. */
export function watchPools({
  database: { db },
  clock,
  config,
  volume,
}: PoolsDeps): (requestId: string) => Promise<Outcome<readonly Pool[]>> {
  let cached: { pools: readonly Pool[]; atMs: number } | undefined;
  let pending: Promise<Outcome<readonly Pool[]>> | undefined;

  async function ask(requestId: string): Promise<Outcome<readonly Pool[]>> {
    const [provisioned, disabled] = [await provisionedByHost(db), await disabledVolumeHosts(db)];
    const figures = await volume.call(
      'backendFigures',
      {},
      { timeoutMs: figuresTimeoutMs, requestId },
    );
    if (isFault(figures)) return figures;
    const pools = figures.map((pool) => ({
      ...pool,
      provisionedGib: provisioned.get(pool.host) ?? 0,
      enabled: !disabled.has(serviceHostOf(pool.host)),
    }));
    cached = { pools, atMs: clock.now() };
    return pools;
  }

  return async (requestId) => {
    const maxAgeMs = cached?.pools.every(({ answers }) => answers)
      ? config.statsMaxAgeMs
      : Math.min(config.statsMaxAgeMs, silentMaxAgeMs);
    if (cached && clock.now() - cached.atMs < maxAgeMs) return cached.pools;
    pending ??= ask(requestId).finally(() => {
      pending = undefined;
    });
    return await pending;
  };
}

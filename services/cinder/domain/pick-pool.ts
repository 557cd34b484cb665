// Chooses the pool for a volume. Pure. A pool's name is that of `os-vol-host-attr:host`:
// <host>@<backend>#<pool>.
import type { Pool } from '#contracts/cinder/scheduler-rpc.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { own } from '#contracts/common/own.ts';

/**
 * Thin volumes may exceed the physical space this many times: cinder.conf,
 * max_over_subscription_ratio.
 */
export const overSubscription = 20;

export const poolHost = (controlHost: string, backend: string): string =>
  `${controlHost}@${backend}#${backend}`;

/** The service host part of `os-vol-host-attr:host`: `<control host>@<backend>`. */
export const serviceHostOf = (host: string): string => host.split('#')[0] ?? host;

/** The backend part of `os-vol-host-attr:host`. */
export function backendOf(host: string): string {
  const from = host.indexOf('@') + 1;
  const to = host.indexOf('#', from);
  return host.slice(from, to < 0 ? undefined : to);
}

const specs: Readonly<Record<string, (pool: Pool) => string>> = {
  volume_backend_name: (pool) => pool.backend,
  storage_protocol: (pool) => pool.storageProtocol,
  vendor_name: (pool) => pool.vendorName,
  driver_version: (pool) => pool.driverVersion,
};

/**
 * Whether the pool satisfies a type's extra specs. Specs with another scope than `capabilities:`
 * are not for the scheduler and are ignored: cinder.scheduler, capabilities filter.
 */
export function suits(pool: Pool, extraSpecs: Readonly<Record<string, string>>): boolean {
  return Object.entries(extraSpecs).every(([key, wanted]) => {
    const name = key.startsWith('capabilities:') ? key.slice('capabilities:'.length) : key;
    if (name.includes(':')) return true;
    const has = own(specs, name)?.(pool);
    return (
      has !== undefined &&
      wanted
        .split('<or>')
        .map((word) => word.replace(/^\s*<in>/, '').trim())
        .filter(Boolean)
        .includes(has)
    );
  });
}

/**
 * The suitable pool with the most space that is not provisioned. conflict: no pool is suitable;
 * unavailable: one might be, but its backend does not answer.
 */
export function pickPool(
  pools: readonly Pool[],
  wanted: { sizeGib: number; extraSpecs: Readonly<Record<string, string>> },
): Outcome<Pool> {
  const fitting = pools.filter(
    (pool) =>
      pool.enabled &&
      suits(pool, wanted.extraSpecs) &&
      pool.freeGib > 0 &&
      wanted.sizeGib <= pool.totalGib * overSubscription &&
      pool.provisionedGib + wanted.sizeGib <= pool.totalGib * overSubscription,
  );
  const spaceGib = (pool: Pool): number => pool.totalGib * overSubscription - pool.provisionedGib;
  const best = fitting
    .filter(({ answers }) => answers)
    .sort((a, b) => spaceGib(b) - spaceGib(a) || (a.host < b.host ? -1 : 1))[0];
  return (
    best ??
    fault(
      fitting.length > 0 ? 'unavailable' : 'conflict',
      'No valid backend was found. No weighed backends available',
    )
  );
}

// Quota resources with their defaults, and the check whether more fits. Pure. Defaults: nova.conf
// [quota], https://docs.openstack.org/nova/latest/configuration/config.html#quota
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';

export const quotaDefaults = {
  instances: 10,
  cores: 20,
  ram: 50 * 1024,
  metadata_items: 128,
  key_pairs: 100,
  server_groups: 10,
  server_group_members: 10,
  injected_files: 5,
  injected_file_content_bytes: 10 * 1024,
  injected_file_path_bytes: 255,
} as const;

export type QuotaResource = keyof typeof quotaDefaults;
export type QuotaLimits = Record<QuotaResource, number>;
export const unlimited = -1;

export interface QuotaUsage {
  instances: number;
  cores: number;
  /** MiB. */
  ram: number;
}

/** Checks the quota. overQuota, with Nova's message, if any of the wanted amounts does not fit. */
export function checkQuota(
  limits: Pick<QuotaLimits, keyof QuotaUsage>,
  used: QuotaUsage,
  wanted: QuotaUsage,
): Outcome<undefined> {
  const resources = ['instances', 'cores', 'ram'] as const;
  const over = resources.filter(
    (resource) =>
      limits[resource] !== unlimited && used[resource] + wanted[resource] > limits[resource],
  );
  if (over.length === 0) return undefined;
  const list = (pick: (resource: (typeof resources)[number]) => number): string =>
    over.map(pick).join(', ');
  return fault(
    'overQuota',
    `Quota exceeded for ${over.join(', ')}: Requested ${list((resource) => wanted[resource])}, but already used ${list((resource) => used[resource])} of ${list((resource) => limits[resource])} ${over.join(', ')}`,
  );
}

/** How many more servers of the size `each` fit; Infinity: no limit. */
export function howManyFit(
  limits: Pick<QuotaLimits, keyof QuotaUsage>,
  used: QuotaUsage,
  each: QuotaUsage,
): number {
  const resources = ['instances', 'cores', 'ram'] as const;
  return Math.min(
    ...resources.map((resource) =>
      limits[resource] === unlimited || each[resource] === 0
        ? Infinity
        : Math.floor((limits[resource] - used[resource]) / each[resource]),
    ),
  );
}

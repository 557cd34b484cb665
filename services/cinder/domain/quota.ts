// Quota resources, their defaults, and the check whether more fits. Pure. Defaults: cinder.conf,
// https://docs.openstack.org/cinder/latest/configuration/block-storage/config-options.html
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';

export const quotaDefaults = {
  volumes: 10,
  snapshots: 10,
  gigabytes: 1000,
  backups: 10,
  backup_gigabytes: 1000,
  groups: 10,
  per_volume_gigabytes: -1,
};

export type QuotaResource = keyof typeof quotaDefaults;
export type QuotaLimits = Record<QuotaResource, number>;
export type QuotaUsage = Record<Exclude<QuotaResource, 'per_volume_gigabytes'>, number>;
export const quotaResources = Object.keys(quotaDefaults) as QuotaResource[]; // the table's own keys
export const unlimited = -1;

/** Resources that a type can limit for its volumes (`volumes_<type>`); unlimited by default. */
export const typeResources = ['volumes', 'snapshots', 'gigabytes'] as const;
export type TypeResource = (typeof typeResources)[number];
export const typeQuotaName = (resource: TypeResource, type: string): string =>
  `${resource}_${type}`;

const names: Partial<Record<QuotaResource, string>> = {
  volumes: 'VolumeLimitExceeded',
  snapshots: 'SnapshotLimitExceeded',
  backups: 'BackupLimitExceeded',
};

/**
 * Checks the quota. overQuota if `wanted` does not fit beside `used`; badRequest if `volumeGib`,
 * the size of a single volume, exceeds its own limit.
 */
export function checkQuota(
  limits: QuotaLimits,
  used: QuotaUsage,
  wanted: Partial<QuotaUsage>,
  volumeGib = 0,
): Outcome<undefined> {
  const most = limits.per_volume_gigabytes;
  if (most !== unlimited && volumeGib > most)
    return fault(
      'badRequest',
      `Requested volume size ${volumeGib}G is larger than maximum allowed limit ${most}G.`,
    );
  for (const [name, amount] of Object.entries(wanted)) {
    const resource = name as keyof QuotaUsage; // a key of `wanted`
    if (
      amount === 0 ||
      limits[resource] === unlimited ||
      used[resource] + amount <= limits[resource]
    )
      continue;
    const unit = resource.endsWith('gigabytes') ? 'G' : '';
    return fault(
      'overQuota',
      names[resource]
        ? `${names[resource]}: Maximum number of ${resource} allowed (${limits[resource]}) exceeded for quota '${resource}'.`
        : `Requested volume or snapshot exceeds allowed ${resource} quota. Requested ${amount}${unit}, quota is ${limits[resource]}${unit} and ${used[resource]}${unit} has been consumed.`,
    );
  }
  return undefined;
}

/** The same for all volumes of one type. `limits` by name (`volumes_<type>`). */
export function checkTypeQuota(
  type: string,
  limits: ReadonlyMap<string, number>,
  used: Record<TypeResource, number>,
  wanted: Partial<QuotaUsage>,
): Outcome<undefined> {
  for (const resource of typeResources) {
    const name = typeQuotaName(resource, type);
    const [limit, amount] = [limits.get(name) ?? unlimited, wanted[resource] ?? 0];
    if (amount > 0 && limit !== unlimited && used[resource] + amount > limit)
      return fault(
        'overQuota',
        `Requested volume or snapshot exceeds allowed ${name} quota. Requested ${amount}, quota is ${limit} and ${used[resource]} has been consumed.`,
      );
  }
  return undefined;
}

// The resources that quotas limit, and whether more of one fit. Pure.

export const quotaResources = [
  'network',
  'subnet',
  'port',
  'router',
  'floatingip',
  'security_group',
  'security_group_rule',
  'subnetpool',
] as const;
export type QuotaResource = (typeof quotaResources)[number];
/** -1: no limit. */
export type QuotaLimits = Readonly<Record<QuotaResource, number>>;

export function fitsQuota(limit: number, used: number, more: number): boolean {
  return limit < 0 || used + more <= limit;
}

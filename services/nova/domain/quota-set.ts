// Which resources a quota set has in which microversion, and the checks for new limits. Pure.
// https://docs.openstack.org/api-ref/compute/#quota-sets-os-quota-sets
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { QuotaLimits, QuotaResource } from './quota.ts';
import { quotaDefaults, unlimited } from './quota.ts';

/** Limits of nova-network's resources: still shown in old microversions, without effect. */
const networkResources = [
  'floating_ips',
  'fixed_ips',
  'security_groups',
  'security_group_rules',
] as const;
const fileResources: readonly QuotaResource[] = [
  'injected_files',
  'injected_file_content_bytes',
  'injected_file_path_bytes',
];
const groupResources: readonly QuotaResource[] = ['server_groups', 'server_group_members'];
const ownResources = Object.keys(quotaDefaults) as QuotaResource[]; // exactly the table's keys

/** Which resources one kind of quota document names, by minor microversion. */
export interface QuotaWords {
  /** The last microversion with network resources. */
  networksUntil: number;
  /** The first microversion with server groups. */
  groupsSince: number;
}
export const quotaSetWords: QuotaWords = { networksUntil: 35, groupsSince: 0 };
export const quotaClassWords: QuotaWords = { networksUntil: 49, groupsSince: 50 };
const filesUntil = 56;

export function resourcesIn(
  version: number,
  words: QuotaWords,
): { own: QuotaResource[]; networks: readonly string[] } {
  return {
    own: ownResources.filter(
      (resource) =>
        (version <= filesUntil || !fileResources.includes(resource)) &&
        (version >= words.groupsSince || !groupResources.includes(resource)),
    ),
    networks: version <= words.networksUntil ? networkResources : [],
  };
}

/** An object with one entry for each resource in this microversion; `of` gives the value. */
export function quotaDocument<T>(
  version: number,
  words: QuotaWords,
  of: (resource: QuotaResource | 'network') => T,
): Record<string, T> {
  const { own, networks } = resourcesIn(version, words);
  return Object.fromEntries([
    ...own.map((resource) => [resource, of(resource)] as const),
    ...networks.map((resource) => [resource, of('network')] as const),
  ]);
}

/** badRequest: a limit below the usage (unless forced), or a user's limit above the project's. */
export function checkLimits(
  wanted: Partial<QuotaLimits>,
  facts: { used: Partial<QuotaLimits>; project: QuotaLimits | null; force: boolean },
): Outcome<undefined> {
  for (const [name, limit] of Object.entries(wanted)) {
    const resource = name as QuotaResource;
    const used = facts.used[resource] ?? 0;
    const most = facts.project?.[resource] ?? unlimited;
    if (most !== unlimited && (limit === unlimited || limit > most))
      return fault(
        'badRequest',
        `Quota limit ${limit} for ${resource} must be less than or equal to ${most}.`,
      );
    if (!facts.force && limit !== unlimited && limit < used)
      return fault(
        'badRequest',
        `Quota limit ${limit} for ${resource} must be greater than or equal to already used and reserved ${used}.`,
      );
  }
  return undefined;
}

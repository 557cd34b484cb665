// The limits of the caller's project, and how much of each is used.
// https://docs.openstack.org/api-ref/compute/#limits-limits
import { fault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import type { QuotaLimits, QuotaUsage } from '../domain/quota.ts';
import { unlimited } from '../domain/quota.ts';
import { quotaLimits, quotaUsage } from '../store/quotas.ts';
import { countServerGroups } from '../store/server-groups.ts';
import { first } from './request.ts';

const queryNames = new Set(['tenant_id', 'reserved']);

export function limitRoutes({ database: { db } }: NovaDeps): readonly Route[] {
  return [
    route('GET', '/v2.1/limits', {
      policy: 'os_compute_api:limits',
      handler: async (request) => {
        const unknown =
          request.version >= 75
            ? Object.keys(request.query).find((name) => !queryNames.has(name))
            : undefined;
        if (unknown !== undefined)
          return fault(
            'badRequest',
            `Additional properties are not allowed ('${unknown}' was unexpected) in the query.`,
          );
        const other = first(request, 'tenant_id');
        const rule = 'os_compute_api:limits:other_project';
        if (other !== undefined && other !== request.auth.projectId && !request.allows(rule))
          return fault('forbidden', `Policy doesn't allow ${rule} to be performed.`);
        const projectId = other ?? request.auth.projectId ?? '';
        const limits = await quotaLimits(db, projectId);
        const used = {
          ...(await quotaUsage(db, projectId)),
          serverGroups: await countServerGroups(db, projectId),
        };
        return {
          status: 200,
          body: { limits: { rate: [], absolute: absolute(limits, used, request.version) } },
        };
      },
    }),
  ];
}

type Usage = QuotaUsage & { serverGroups: number };

/** The fields of the answer; `until` is the last microversion that has the field. */
const fields: readonly {
  name: string;
  until?: number;
  value(limits: QuotaLimits, used: Usage): number;
}[] = [
  { name: 'maxServerMeta', value: (limits) => limits.metadata_items },
  { name: 'maxImageMeta', until: 38, value: (limits) => limits.metadata_items },
  { name: 'maxPersonality', until: 56, value: (limits) => limits.injected_files },
  { name: 'maxPersonalitySize', until: 56, value: (limits) => limits.injected_file_content_bytes },
  { name: 'maxTotalCores', value: (limits) => limits.cores },
  { name: 'maxTotalInstances', value: (limits) => limits.instances },
  { name: 'maxTotalRAMSize', value: (limits) => limits.ram },
  { name: 'maxTotalKeypairs', value: (limits) => limits.key_pairs },
  { name: 'maxServerGroups', value: (limits) => limits.server_groups },
  { name: 'maxServerGroupMembers', value: (limits) => limits.server_group_members },
  // Networks belong to Neutron: until 2.35 Nova shows these fields, always as unlimited.
  ...['maxTotalFloatingIps', 'maxSecurityGroups', 'maxSecurityGroupRules'].map((name) => ({
    name,
    until: 35,
    value: () => unlimited,
  })),
  ...['totalFloatingIpsUsed', 'totalSecurityGroupsUsed'].map((name) => ({
    name,
    until: 35,
    value: () => 0,
  })),
  { name: 'totalCoresUsed', value: (_, used) => used.cores },
  { name: 'totalInstancesUsed', value: (_, used) => used.instances },
  { name: 'totalRAMUsed', value: (_, used) => used.ram },
  { name: 'totalServerGroupsUsed', value: (_, used) => used.serverGroups },
];

function absolute(limits: QuotaLimits, used: Usage, version: number): JsonObject {
  return Object.fromEntries(
    fields
      .filter(({ until }) => version <= (until ?? Infinity))
      .map(({ name, value }) => [name, value(limits, used)]),
  );
}

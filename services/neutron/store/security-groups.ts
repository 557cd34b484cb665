// Security groups, their rules, and the `default` group that each project gets at first use.
import { sql } from 'kysely';
import { isUniqueViolation } from '#platform/db/errors.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { Ids } from '#platform/ids.ts';
import type { RuleFields } from '../domain/security-group-rule.ts';
import type { Listing } from './list.ts';
import { markChanged } from './sdn-journal.ts';
import { standardColumns, standardRow, unnamedColumns } from './standard.ts';
import type { SecurityGroupRow, SecurityGroupRuleRow } from './tables.ts';
import type { NeutronDb, NeutronTrx } from './write.ts';

export const securityGroupListing = {
  table: 'security_groups',
  columns: { ...standardColumns, stateful: { column: 'stateful', kind: 'bool' } },
  // Groups are never shared: that would take RBAC policies, which are not implemented.
  special: {
    shared: (values) =>
      values.some((value) => /^(false|0)$/i.test(value))
        ? sql<boolean>`1 = 1`
        : sql<boolean>`1 = 0`,
  },
  specialBooleans: ['shared'],
} as const satisfies Listing;

export const securityGroupRuleListing = {
  table: 'security_group_rules',
  columns: {
    ...unnamedColumns,
    security_group_id: { column: 'security_group_id', kind: 'text' },
    direction: { column: 'direction', kind: 'text' },
    ethertype: { column: 'ethertype', kind: 'text' },
    protocol: { column: 'protocol', kind: 'text' },
    port_range_min: { column: 'port_range_min', kind: 'int' },
    port_range_max: { column: 'port_range_max', kind: 'int' },
    remote_group_id: { column: 'remote_group_id', kind: 'text' },
    remote_ip_prefix: { column: 'remote_ip_prefix', kind: 'text' },
    normalized_cidr: { column: 'normalized_cidr', kind: 'text' },
  },
} as const satisfies Listing;

export function ruleRow(
  ids: Ids,
  nowMs: number,
  projectId: string,
  groupId: string,
  fields: Partial<RuleFields> & Pick<RuleFields, 'direction' | 'ethertype'>,
  more: { description?: string; normalizedCidr?: string | null } = {},
): SecurityGroupRuleRow {
  return {
    id: ids.uuid(),
    project_id: projectId,
    description: more.description ?? '',
    revision_number: 0,
    created_at_ms: nowMs,
    updated_at_ms: nowMs,
    security_group_id: groupId,
    protocol: null,
    port_range_min: null,
    port_range_max: null,
    remote_group_id: null,
    remote_ip_prefix: null,
    normalized_cidr: more.normalizedCidr ?? null,
    ...fields,
  };
}

/**
 * Inserts a group with its initial rules: all egress is allowed; in a default group also all
 * ingress from its own members.
 */
export async function insertGroup(
  trx: NeutronTrx,
  ids: Ids,
  nowMs: number,
  group: Pick<SecurityGroupRow, 'project_id' | 'name' | 'description' | 'stateful' | 'is_default'>,
): Promise<string> {
  const row: SecurityGroupRow = {
    ...standardRow(ids.uuid(), nowMs, group),
    stateful: group.stateful,
    is_default: group.is_default,
  };
  await trx.insertInto('security_groups').values(row).execute();
  const rules = (['IPv4', 'IPv6'] as const).flatMap((ethertype) => [
    ruleRow(ids, nowMs, row.project_id, row.id, { direction: 'egress', ethertype }),
    ...(row.is_default
      ? [
          ruleRow(ids, nowMs, row.project_id, row.id, {
            direction: 'ingress',
            ethertype,
            remote_group_id: row.id,
          }),
        ]
      : []),
  ]);
  await trx.insertInto('security_group_rules').values(rules).execute();
  await markChanged(trx, [{ kind: 'security_group', id: row.id }]);
  return row.id;
}

export async function defaultGroupOf(
  db: NeutronDb,
  projectId: string,
): Promise<string | undefined> {
  return (
    await db
      .selectFrom('default_security_groups')
      .select('security_group_id')
      .where('project_id', '=', projectId)
      .executeTakeFirst()
  )?.security_group_id;
}

/**
 * The project's default group, created at first use. Of two concurrent first uses one creates it:
 * the key refuses the other.
 */
export async function ensureDefaultGroup(
  db: NeutronDb,
  ids: Ids,
  nowMs: number,
  projectId: string,
): Promise<string> {
  const existing = await defaultGroupOf(db, projectId);
  if (existing !== undefined) return existing;
  try {
    return await transaction(db, async (trx) => {
      const id = await insertGroup(trx, ids, nowMs, {
        project_id: projectId,
        name: 'default',
        description: 'Default security group',
        stateful: 1,
        is_default: 1,
      });
      await trx
        .insertInto('default_security_groups')
        .values({ project_id: projectId, security_group_id: id })
        .execute();
      return id;
    });
  } catch (error) {
    const other = isUniqueViolation(error) ? await defaultGroupOf(db, projectId) : undefined;
    if (other === undefined) throw error;
    return other;
  }
}

export async function rulesOf(
  db: NeutronDb,
  groupIds: readonly string[],
): Promise<SecurityGroupRuleRow[]> {
  return groupIds.length === 0
    ? []
    : await db
        .selectFrom('security_group_rules')
        .selectAll()
        .where('security_group_id', 'in', groupIds)
        .orderBy('created_at_ms')
        .orderBy('id')
        .execute();
}

export async function groupIsUsed(db: NeutronDb, groupId: string): Promise<boolean> {
  return (
    (await db
      .selectFrom('port_security_groups')
      .select('port_id')
      .where('security_group_id', '=', groupId)
      .limit(1)
      .executeTakeFirst()) !== undefined
  );
}

/**
 * Deletes the group and the rules of other groups that refer to it; returns the ids of those
 * groups, which have changed thereby.
 */
export async function deleteGroup(trx: NeutronTrx, group: SecurityGroupRow): Promise<string[]> {
  const others = await trx
    .selectFrom('security_group_rules')
    .select('security_group_id')
    .distinct()
    .where('remote_group_id', '=', group.id)
    .where('security_group_id', '!=', group.id)
    .execute();
  await trx
    .deleteFrom('security_group_rules')
    .where((eb) =>
      eb.or([eb('security_group_id', '=', group.id), eb('remote_group_id', '=', group.id)]),
    )
    .execute();
  await trx
    .deleteFrom('default_security_groups')
    .where('security_group_id', '=', group.id)
    .execute();
  await trx.deleteFrom('security_groups').where('id', '=', group.id).execute();
  const touched = others.map(({ security_group_id }) => security_group_id);
  await markChanged(
    trx,
    [group.id, ...touched].map((id) => ({ kind: 'security_group', id })),
  );
  return touched;
}

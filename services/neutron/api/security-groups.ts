// Security groups and their rules.
// https://docs.openstack.org/api-ref/network/v2/#security-groups-security-groups
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { isoSeconds } from '#platform/clock.ts';
import type { RuleFields } from '../domain/security-group-rule.ts';
import { canonicalRule, checkRule, isProtocol, sameRule } from '../domain/security-group-rule.ts';
import { changeRow, deleteRow, findVisible, insertRow } from '../store/objects.ts';
import { chargeQuota } from '../store/quotas.ts';
import { markChanged } from '../store/sdn-journal.ts';
import {
  deleteGroup,
  ensureDefaultGroup,
  groupIsUsed,
  insertGroup,
  ruleRow,
  rulesOf,
  securityGroupListing,
  securityGroupRuleListing,
} from '../store/security-groups.ts';
import type { SecurityGroupRow, SecurityGroupRuleRow } from '../store/tables.ts';
import { lockRow } from '../store/write.ts';
import type { Parser } from './attributes.ts';
import { boolean, integer, oneOf, orNull, standardAttributes, text } from './attributes.ts';
import type { Context, Resource } from './resource.ts';
import { missing, plainChanges } from './resource.ts';
import { standardView } from './standard-view.ts';

interface GroupInput {
  project_id: string;
  name: string;
  description: string;
  stateful: boolean;
}

/** Creates the default group of each of these projects that the caller may act for. */
export async function ensureDefaultGroups(
  {
    parts: {
      database: { db },
      ids,
    },
    scope,
    nowMs,
  }: Context,
  projectIds: readonly string[],
): Promise<void> {
  for (const projectId of projectIds)
    if (projectId !== '' && (scope === null || scope === projectId))
      await ensureDefaultGroup(db, ids, nowMs, projectId);
}

export const securityGroups: Resource<'security_groups', GroupInput> = {
  singular: 'security_group',
  collection: 'security_groups',
  attributes: {
    ...standardAttributes,
    stateful: { post: true, put: true, parse: boolean, default: true },
    shared: {},
    security_group_rules: { unfiltered: true },
  },
  listing: securityGroupListing,
  notFound: { type: 'SecurityGroupNotFound', noun: 'Security group' },
  views: async (db, rows) => {
    const rules = await rulesOf(
      db,
      rows.map(({ id }) => id),
    );
    return rows.map((row) => ({
      ...standardView(row),
      name: row.name,
      stateful: row.stateful === 1,
      shared: false,
      security_group_rules: rules.filter((rule) => rule.security_group_id === row.id).map(ruleView),
    }));
  },
  beforeList: ensureDefaultGroups,
  beforeCreate: ensureDefaultGroups,
  create: async (
    { parts: { config, ids }, nowMs },
    trx,
    { project_id, name, description, stateful },
  ) => {
    if (name.toLowerCase() === 'default') return defaultExists();
    const over =
      (await chargeQuota(trx, config.quotas, 'security_group', project_id, 1)) ??
      (await chargeQuota(trx, config.quotas, 'security_group_rule', project_id, 2));
    return isFault(over)
      ? over
      : await insertGroup(trx, ids, nowMs, {
          project_id,
          name,
          description,
          stateful: Number(stateful),
          is_default: 0,
        });
  },
  change: async ({ nowMs }, trx, row, input) => {
    if (input.name !== undefined && row.is_default === 1 && input.name !== row.name)
      return fault('conflict', 'Updating default security group not allowed.', {
        type: 'SecurityGroupCannotUpdateDefault',
      });
    if (input.name?.toLowerCase() === 'default' && row.is_default === 0) return defaultExists();
    if (
      input.stateful !== undefined &&
      Number(input.stateful) !== row.stateful &&
      (await groupIsUsed(trx, row.id))
    )
      return inUse(row);
    await changeRow(
      trx,
      'security_groups',
      row.id,
      plainChanges(input as Record<string, unknown>, ['name', 'description', 'stateful']),
      nowMs,
    );
    return await markChanged(trx, [{ kind: 'security_group', id: row.id }]);
  },
  remove: async ({ admin, nowMs }, trx, row) => {
    if (row.is_default === 1 && !admin)
      return fault('conflict', 'Insufficient rights for removing default security group.', {
        type: 'SecurityGroupCannotRemoveDefault',
      });
    if (await groupIsUsed(trx, row.id)) return inUse(row);
    for (const touched of await deleteGroup(trx, row))
      await changeRow(trx, 'security_groups', touched, {}, nowMs);
  },
};

const defaultExists = () =>
  fault('conflict', 'Default security group already exists.', {
    type: 'SecurityGroupDefaultAlreadyExists',
  });
const inUse = (row: SecurityGroupRow) =>
  fault('conflict', `Security Group ${row.id} in use.`, { type: 'SecurityGroupInUse' });

interface RuleInput
  extends
    RuleFields,
    Pick<SecurityGroupRuleRow, 'project_id' | 'description' | 'security_group_id'> {}

/** A protocol's name or number; kept as text, which is also how it is shown. */
const protocol: Parser = (value) => {
  if (value === null || value === '') return { value: null };
  const word =
    typeof value === 'number' || (typeof value === 'string' && /^\d{1,9}$/.test(value))
      ? String(Number(value))
      : value;
  return typeof word === 'string' && isProtocol(word)
    ? { value: word.toLowerCase() === 'any' ? null : word.toLowerCase() }
    : { reason: `${JSON.stringify(value)} is no protocol: its name or a number from 0 to 255.` };
};
const maxInt = 2 ** 31;
const port: Parser = (value) =>
  // null or an integer; domain/security-group-rule.ts checks the range
  value === null || value === '' ? { value: null } : integer(-maxInt)(value);
const ethertype: Parser = (value) =>
  oneOf('IPv4', 'IPv6')(typeof value === 'string' ? value.replace(/^ipv/i, 'IPv') : value);
const { name: _name, tags: _tags, ...ruleStandard } = standardAttributes;

export const securityGroupRules: Resource<'security_group_rules', RuleInput> = {
  singular: 'security_group_rule',
  collection: 'security_group_rules',
  attributes: {
    ...ruleStandard,
    description: { post: true, parse: text(255), default: '' },
    security_group_id: { post: true, required: true, parse: text(255) },
    direction: { post: true, required: true, parse: oneOf('ingress', 'egress') },
    ethertype: { post: true, parse: ethertype, default: 'IPv4' },
    protocol: { post: true, parse: protocol, default: null },
    port_range_min: { post: true, parse: port, default: null },
    port_range_max: { post: true, parse: port, default: null },
    remote_group_id: { post: true, parse: orNull(text(255)), default: null },
    remote_ip_prefix: { post: true, parse: orNull(text(255)), default: null },
    normalized_cidr: {},
  },
  listing: securityGroupRuleListing,
  notFound: { type: 'SecurityGroupRuleNotFound', noun: 'Security group rule' },
  views: async (_db, rows) => rows.map(ruleView),
  beforeList: ensureDefaultGroups,
  beforeCreate: ensureDefaultGroups,
  create: async (
    { parts: { config, ids }, scope, nowMs },
    trx,
    { project_id, description, security_group_id: groupId, ...ruleInput },
  ) => {
    const fields = canonicalRule(ruleInput);
    await lockRow(trx, 'security_groups', groupId);
    const group = await findVisible(trx, securityGroupListing, groupId, scope);
    if (!group) return missing(securityGroups, groupId);
    const checked = checkRule(fields);
    if (isFault(checked)) return checked;
    if (
      fields.remote_group_id !== null &&
      fields.remote_group_id !== groupId &&
      !(await findVisible(trx, securityGroupListing, fields.remote_group_id, scope))
    )
      return missing(securityGroups, fields.remote_group_id);
    const over = await chargeQuota(trx, config.quotas, 'security_group_rule', project_id, 1);
    if (isFault(over)) return over;
    const row = ruleRow(ids, nowMs, project_id, groupId, fields, {
      description,
      normalizedCidr: checked.normalizedCidr,
    });
    const twin = (await rulesOf(trx, [groupId])).find((other) => sameRule(other, row));
    if (twin)
      return fault('conflict', `Security group rule already exists. Rule id is ${twin.id}.`, {
        type: 'SecurityGroupRuleExists',
      });
    await insertRow(trx, 'security_group_rules', row);
    await changeRow(trx, 'security_groups', groupId, {}, nowMs);
    await markChanged(trx, [{ kind: 'security_group', id: groupId }]);
    return row.id;
  },
  remove: async ({ nowMs }, trx, row) => {
    await deleteRow(trx, 'security_group_rules', row.id);
    await changeRow(trx, 'security_groups', row.security_group_id, {}, nowMs);
    return await markChanged(trx, [{ kind: 'security_group', id: row.security_group_id }]);
  },
};

function ruleView(row: SecurityGroupRuleRow): JsonObject {
  return {
    id: row.id,
    tenant_id: row.project_id,
    project_id: row.project_id,
    security_group_id: row.security_group_id,
    direction: row.direction,
    ethertype: row.ethertype,
    protocol: row.protocol,
    port_range_min: row.port_range_min,
    port_range_max: row.port_range_max,
    remote_group_id: row.remote_group_id,
    remote_ip_prefix: row.remote_ip_prefix,
    normalized_cidr: row.normalized_cidr,
    description: row.description,
    revision_number: row.revision_number,
    created_at: isoSeconds(row.created_at_ms),
    updated_at: isoSeconds(row.updated_at_ms),
  };
}

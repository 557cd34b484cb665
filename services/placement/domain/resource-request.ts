// What a caller of allocation candidates (or a filtered provider list) wants, read from the query. Pure.
// https://docs.openstack.org/api-ref/placement/#list-allocation-candidates
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Query } from '#platform/http/api.ts';

export interface GroupRequest {
  /** '' for the group whose resources may come from anywhere in a tree. */
  suffix: string;
  resources: ReadonlyMap<string, number>;
  /** Each entry: one of these must be there. */
  required: readonly (readonly string[])[];
  forbidden: readonly string[];
  /** Each entry: member of one of these. */
  memberOf: readonly (readonly string[])[];
  notMemberOf: readonly string[];
  inTree: string | null;
}

export interface CandidateRequest {
  groups: readonly GroupRequest[];
  isolate: boolean;
  limit: number | null;
  rootRequired: readonly string[];
  rootForbidden: readonly string[];
  sameSubtree: readonly (readonly string[])[];
}

const uuidPattern = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const bad = (message: string) => fault('badRequest', message);

export function parseResources(text: string, name = 'resources'): Outcome<Map<string, number>> {
  const resources = new Map<string, number>();
  for (const part of text.split(',')) {
    const match = /^([A-Z0-9_]+):(\d+)$/.exec(part.trim());
    if (!match || Number(match[2]) < 1) return bad(`Badly formed ${name} parameter. Expected ${name} query string parameter in form: ?${name}=VCPU:2,MEMORY_MB:1024. Got: ${text}.`);
    resources.set(match[1] ?? '', Number(match[2]));
  }
  return resources;
}

export function parseTraits(values: readonly string[], version: number, name = 'required'): Outcome<{ required: string[][]; forbidden: string[] }> {
  const required: string[][] = [];
  const forbidden: string[] = [];
  if (values.length > 1 && version < 39) return bad(`Query parameter ${name} may be given once before 1.39.`);
  for (const value of values) {
    if (value.startsWith('in:') && version >= 39) {
      const any = value.slice(3).split(',').filter(Boolean);
      if (any.length === 0 || any.some((trait) => trait.startsWith('!'))) return bad(`Invalid query string parameters: Expected '${name}' parameter value of the form in:A,B. Got: ${value}`);
      required.push(any);
      continue;
    }
    for (const trait of value.split(',')) {
      if (trait.trim() === '' || trait === '!') return bad(`Invalid query string parameters: Expected '${name}' parameter value of the form: HW_CPU_X86_VMX,!CUSTOM_MAGIC. Got: ${value}`);
      if (!trait.startsWith('!')) required.push([trait]);
      else if (version >= 22) forbidden.push(trait.slice(1));
      else return bad(`Forbidden traits (${trait}) need microversion 1.22.`);
    }
  }
  return { required, forbidden };
}

export function parseMemberOf(values: readonly string[], version: number, name = 'member_of'): Outcome<{ memberOf: string[][]; notMemberOf: string[] }> {
  const memberOf: string[][] = [];
  const notMemberOf: string[] = [];
  if (values.length > 1 && version < 24) return bad(`Multiple ${name} parameters need microversion 1.24.`);
  for (const value of values) {
    const negative = value.startsWith('!');
    if (negative && version < 32) return bad(`Forbidden ${name} parameters need microversion 1.32.`);
    const text = negative ? value.slice(1) : value;
    const uuids = text.startsWith('in:') ? text.slice(3).split(',') : [text];
    if (uuids.some((uuid) => !uuidPattern.test(uuid))) return bad(`Expected '${name}' parameter to contain valid UUID(s). Got: ${value}`);
    if (negative) notMemberOf.push(...uuids);
    else memberOf.push(uuids);
  }
  return { memberOf, notMemberOf };
}

const suffixPattern = /^(resources|required|member_of|in_tree)([a-zA-Z0-9_-]{0,64})$/;
const always = new Set(['limit', 'group_policy', 'root_required', 'same_subtree']);

export function parseCandidateRequest(query: Query, version: number): Outcome<CandidateRequest> {
  const suffixes = new Map<string, Record<string, readonly string[]>>();
  for (const [key, values] of Object.entries(query)) {
    if (always.has(key)) continue;
    const [, kind, suffix] = suffixPattern.exec(key) ?? [];
    if (kind === undefined || suffix === undefined) return bad(`Invalid query string parameters: Additional properties are not allowed ('${key}' was unexpected)`);
    const group = suffixes.get(suffix) ?? {};
    group[kind] = values;
    suffixes.set(suffix, group);
  }
  const sameSubtree = (query['same_subtree'] ?? []).map((value) => value.split(','));
  const inSubtree = new Set(sameSubtree.flat());
  const groups: GroupRequest[] = [];
  for (const [suffix, parts] of suffixes) {
    const resources = parts['resources'] ? parseResources(parts['resources'][0] ?? '', `resources${suffix}`) : new Map<string, number>();
    if (isFault(resources)) return resources;
    if (resources.size === 0 && !inSubtree.has(suffix)) return bad(`All traits and aggregates need resources${suffix}: there is none.`);
    const traits = parseTraits(parts['required'] ?? [], version, `required${suffix}`);
    if (isFault(traits)) return traits;
    const members = parseMemberOf(parts['member_of'] ?? [], version, `member_of${suffix}`);
    if (isFault(members)) return members;
    groups.push({ suffix, resources, ...traits, ...members, inTree: parts['in_tree']?.[0] ?? null });
  }
  if (groups.length === 0) return bad("At least one group of 'resources' must be specified.");
  const policy = query['group_policy']?.[0];
  if (policy !== undefined && policy !== 'isolate' && policy !== 'none') return bad(`Invalid group_policy ${policy}: it must be none or isolate.`);
  const granular = groups.filter((group) => group.suffix !== '' && group.resources.size > 0).length;
  if (granular > 1 && policy === undefined) return bad('The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.');
  const limit = query['limit']?.[0];
  if (limit !== undefined && !/^[1-9]\d*$/.test(limit)) return bad(`Invalid limit ${limit}: it must be a whole number from 1.`);
  const root = parseTraits(query['root_required'] ?? [], version, 'root_required');
  if (isFault(root)) return root;
  return { groups, isolate: policy === 'isolate', limit: limit === undefined ? null : Number(limit), rootRequired: root.required.flat(), rootForbidden: root.forbidden, sameSubtree };
}

// Parsers for the values of Placement's query parameters: resources, traits, aggregates, providers.
// Pure.
// https://docs.openstack.org/api-ref/placement/#list-resource-providers
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Query } from '#platform/http/messages.ts';
import { canonicalUuid } from './uuid.ts';

export const badQuery = (why: string, code?: string) =>
  fault(
    'badRequest',
    `Invalid query string parameters: ${why}`,
    code === undefined ? {} : { code },
  );

/** Parameter name -> the microversion that introduced it. */
export type Parameters = Readonly<Record<string, number>>;

/**
 * Checks the names of the query parameters. badRequest: one is unknown, or was introduced by a
 * later microversion.
 */
export function unknownParameter(query: Query, parameters: Parameters, version: number) {
  const strangers = Object.keys(query).filter(
    (name) => !Object.hasOwn(parameters, name) || (parameters[name] ?? 0) > version,
  );
  if (strangers.length === 0) return undefined;
  return badQuery(
    `Additional properties are not allowed (${strangers.map((name) => `'${name}'`).join(', ')} ${strangers.length > 1 ? 'were' : 'was'} unexpected)`,
  );
}

export function parseResources(text: string): Outcome<Map<string, number>> {
  const resources = new Map<string, number>();
  const malformed = (got: string) =>
    fault(
      'badRequest',
      `Badly formed resources parameter. Expected resources query string parameter in form: ?resources=VCPU:2,MEMORY_MB:1024. Got: ${got}.`,
    );
  if (text.trim() === '') return malformed('empty string');
  for (const part of text.split(',')) {
    const [name, amount, ...rest] = part.split(':');
    if (name === undefined || amount === undefined || rest.length > 0) return malformed(part);
    if (!/^[+-]?\d+$/.test(amount.trim()))
      return fault(
        'badRequest',
        `Requested resource ${name} expected positive integer amount. Got: ${amount}.`,
      );
    if (Number(amount) < 1)
      return fault(
        'badRequest',
        `Requested resource ${name} requires amount >= 1. Got: ${Number(amount)}.`,
      );
    resources.set(name, Number(amount));
  }
  return resources;
}

export interface WantedTraits {
  /** Each entry is a list of alternatives: the provider must have at least one of these traits. */
  required: string[][];
  forbidden: string[];
}

const anyTraitsSince = 39;
const forbiddenTraitsSince = 22;

/**
 * Parses the values of `required`. Before 1.39 only the last value counts, since then all of them.
 */
export function parseTraits(
  values: readonly string[],
  version: number,
  name = 'required',
): Outcome<WantedTraits> {
  const wanted: WantedTraits = { required: [], forbidden: [] };
  for (const value of version < anyTraitsSince ? values.slice(-1) : values) {
    const one = value.startsWith('in:')
      ? anyOf(value, version, name)
      : eachOf(value, version, name);
    if (isFault(one)) return one;
    wanted.required.push(...one.required);
    wanted.forbidden.push(...one.forbidden);
  }
  return wanted;
}

function anyOf(value: string, version: number, name: string): Outcome<WantedTraits> {
  if (version < anyTraitsSince)
    return badQuery(
      "The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' only supported since microversion 1.39.",
    );
  const traits = value
    .slice('in:'.length)
    .split(',')
    .map((trait) => trait.trim());
  const good = traits.every((trait) => trait !== '' && !trait.startsWith('!'));
  return good
    ? { required: [traits], forbidden: [] }
    : badQuery(
        `Expected '${name}' parameter value of the form: in:HW_CPU_X86_VMX,CUSTOM_MAGIC. Got: ${value}`,
      );
}

function eachOf(value: string, version: number, name: string): Outcome<WantedTraits> {
  const traits = value.split(',').map((trait) => trait.trim());
  const negative = version >= forbiddenTraitsSince;
  const good = traits.every(
    (trait) => trait !== '' && trait !== '!' && (negative || !trait.startsWith('!')),
  );
  if (!good)
    return badQuery(
      `Expected '${name}' parameter value of the form: HW_CPU_X86_VMX,${negative ? '!' : ''}CUSTOM_MAGIC. Got: ${value}`,
    );
  return {
    required: traits.filter((trait) => !trait.startsWith('!')).map((trait) => [trait]),
    forbidden: traits.filter((trait) => trait.startsWith('!')).map((trait) => trait.slice(1)),
  };
}

export interface WantedMembership {
  /** Each entry is a list of alternatives: the provider must be in one of these aggregates. */
  memberOf: string[][];
  notMemberOf: string[];
}

export function parseMemberOf(
  values: readonly string[],
  version: number,
  name = 'member_of',
): Outcome<WantedMembership> {
  const wanted: WantedMembership = { memberOf: [], notMemberOf: [] };
  if (values.length > 1 && version < 24)
    return fault(
      'badRequest',
      `Multiple member_of parameters are not supported: ${name}, before microversion 1.24.`,
    );
  for (const value of values) {
    const negative = value.startsWith('!');
    if (negative && version < 32)
      return fault(
        'badRequest',
        `Forbidden member_of parameters are not supported in the specified microversion: ${name}, before 1.32.`,
      );
    const text = negative ? value.slice(1) : value;
    const listed = text.startsWith('in:');
    if (!listed && text.includes(','))
      return fault(
        'badRequest',
        `Multiple values for '${name}' must be prefixed with the 'in:' or '!in:' keyword using the valid microversion.`,
      );
    const uuids = (listed ? text.slice('in:'.length).split(',') : [text]).map(canonicalUuid);
    if (uuids.includes(undefined))
      return badQuery(`Expected '${name}' parameter to contain valid UUID(s). Got: ${value}`);
    const aggregates = uuids.filter((uuid) => uuid !== undefined);
    if (negative) wanted.notMemberOf.push(...aggregates);
    else wanted.memberOf.push(aggregates);
  }
  return wanted;
}

/** Parses `in_tree` or a `uuid` filter to a canonical UUID. */
export function parseUuid(value: string, name: string): Outcome<string> {
  return (
    canonicalUuid(value) ??
    badQuery(`Expected '${name}' parameter to be a format of uuid. Got: ${value}`)
  );
}

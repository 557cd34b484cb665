// Attribute tables: which attributes a resource has, which of them POST and PUT may set and who may
// set them, and their parsers. Bodies, filters, `fields` and sort keys are checked against them.
// Error texts are upstream's, since clients show them.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import { canonicalIp, formatCidr, ipVersion, parseCidr } from '../domain/ip.ts';
import { canonicalMac } from '../domain/mac.ts';

/** Returns the value in Neutron's canonical form, or the reason for which it is refused. */
export type Parser = (value: Json) => { value: unknown } | { reason: string };

export interface Attribute {
  parse?: Parser;
  /** May be set in a POST. */
  post?: boolean;
  /** May be set in a PUT. */
  put?: boolean;
  /** Setting it takes the policy `create_x:attribute` in a POST, `update_x:attribute` in a PUT. */
  guarded?: boolean;
  /** Shown only to callers whom the policy `get_x:attribute` allows. */
  hidden?: boolean;
  /** A POST must name it. */
  required?: boolean;
  /** The value if a POST does not name the attribute. */
  default?: unknown;
  /** Cannot be used as a filter or sort key. */
  unfiltered?: boolean;
}
export type Attributes = Readonly<Record<string, Attribute>>;

const ok = (value: unknown): { value: unknown } => ({ value });
const no = (reason: string): { reason: string } => ({ reason });
export const show = (value: Json): string =>
  typeof value === 'string' ? `'${value}'` : JSON.stringify(value);

export const text =
  (max: number): Parser =>
  (value) =>
    typeof value !== 'string'
      ? no(`${show(value)} is not a valid string.`)
      : value.length > max
        ? no(`'${value}' exceeds maximum length of ${max}.`)
        : ok(value);
export const uuidPattern = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
export const uuid: Parser = (value) =>
  typeof value === 'string' && uuidPattern.test(value)
    ? ok(value)
    : no(`${show(value)} is not a valid UUID.`);
export const orNull =
  (parse: Parser): Parser =>
  (value) =>
    value === null ? ok(null) : parse(value);
export const boolean: Parser = (value) => {
  if (typeof value === 'boolean') return ok(value);
  const word =
    typeof value === 'string' || typeof value === 'number' ? String(value).toLowerCase() : '';
  if (word === 'true' || word === '1') return ok(true);
  if (word === 'false' || word === '0') return ok(false);
  return no(`${show(value)} cannot be converted to boolean.`);
};
export const integer =
  (min: number, max = 2 ** 31 - 1): Parser =>
  (value) => {
    const number =
      typeof value === 'number'
        ? value
        : typeof value === 'string' && /^-?\d+$/.test(value)
          ? Number(value)
          : Number.NaN;
    if (!Number.isSafeInteger(number)) return no(`${show(value)} is not an integer.`);
    return number < min
      ? no(`'${number}' is too small - must be at least '${min}'.`)
      : number > max
        ? no(`'${number}' is too large - must be no larger than '${max}'.`)
        : ok(number);
  };
export const oneOf =
  (...allowed: readonly (string | number | null)[]): Parser =>
  (value) => {
    const found = allowed.find(
      (word) => word === value || (typeof word === 'number' && String(word) === value),
    );
    return found === undefined
      ? no(
          `${show(value)} is not in [${allowed.map((word) => (word === null ? 'None' : typeof word === 'number' ? word : `'${word}'`)).join(', ')}].`,
        )
      : ok(found);
  };
export const ip: Parser = (value) =>
  typeof value === 'string' && ipVersion(value) !== undefined
    ? ok(canonicalIp(value))
    : no(`${show(value)} is not a valid IP address.`);
/**
 * A prefix in canonical form, with its host bits cleared. Error texts: neutron_lib.api.validators,
 * validate_subnet.
 */
export const cidr: Parser = (value) => {
  if (typeof value !== 'string') return no(`${show(value)} is not a valid IP subnet.`);
  const read = parseCidr(value);
  if (!read) return no(`${show(value)} is not a valid IP subnet.`);
  return value.includes('/')
    ? ok(formatCidr(read))
    : no(`${show(value)} isn't a recognized IP subnet cidr, '${formatCidr(read)}' is recommended.`);
};
export const mac: Parser = (value) => {
  const read = typeof value === 'string' ? canonicalMac(value) : undefined;
  return read === undefined ? no(`${show(value)} is not a valid MAC address.`) : ok(read);
};
export const listOf =
  (parse: Parser, { max = 1000, unique = false } = {}): Parser =>
  (value) => {
    if (!Array.isArray(value)) return no(`${show(value)} is not a list.`);
    if (value.length > max) return no(`More than ${max} items.`);
    const items: unknown[] = [];
    for (const item of value) {
      const read = parse(item);
      if ('reason' in read) return read;
      items.push(read.value);
    }
    if (unique && new Set(items.map((item) => JSON.stringify(item))).size < items.length)
      return no(`Duplicate items in the list: ${show(value)}.`);
    return ok(items);
  };
/** An object with no other keys than `keys`; those in `needed` are required. */
export const dict =
  (keys: Readonly<Record<string, Parser>>, needed: readonly string[] = []): Parser =>
  (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return no(`${show(value)} is not a dictionary.`);
    const unexpected = Object.keys(value).filter((key) => !Object.hasOwn(keys, key));
    if (unexpected.length > 0) return no(`Unexpected keys supplied: ${unexpected.join(', ')}.`);
    const missing = needed.filter((key) => value[key] === undefined);
    if (missing.length > 0)
      return no(
        `Validation of dictionary's keys failed. Expected keys: ${needed.join(', ')}. Provided keys: ${Object.keys(value).join(', ')}.`,
      );
    const read: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) {
      const parsed = keys[key]?.(item ?? null) ?? no(`Unexpected key ${key}.`);
      if ('reason' in parsed) return parsed;
      read[key] = parsed.value;
    }
    return ok(read);
  };
export const anyObject: Parser = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? ok(value)
    : value === null
      ? ok({})
      : no(`${show(value)} is not a dictionary.`);

/** The attributes that every tagged object has. */
export const standardAttributes: Attributes = {
  id: {},
  name: { post: true, put: true, parse: text(255), default: '' },
  description: { post: true, put: true, parse: text(255), default: '' },
  project_id: { post: true, parse: text(255) },
  tenant_id: { post: true, parse: text(255) },
  revision_number: {},
  created_at: {},
  updated_at: {},
  tags: { unfiltered: true },
};

export interface Bodied {
  singular: string;
  collection: string;
  attributes: Attributes;
}

const bad = (message: string) => fault('badRequest', message);
export const notAllowed = (rule: string) =>
  fault('forbidden', `(rule:${rule}) is disallowed by policy`, { type: 'PolicyNotAuthorized' });

/**
 * Objects in one bulk POST: one transaction creates them all, and blocks other requests meanwhile.
 */
const maxBulk = 250;

/** The objects in the body of a POST: a single one or a bulk. */
export function postedObjects(
  { singular, collection }: Bodied,
  body: Json,
): Outcome<{ objects: JsonObject[]; bulk: boolean }> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return bad('Resource body required');
  const isObject = (value: Json | undefined): value is JsonObject =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const { [singular]: one, [collection]: many } = body;
  if (Array.isArray(many)) {
    if (many.length === 0) return bad('Resources required');
    if (many.length > maxBulk) return bad(`More than ${maxBulk} ${collection} in one request.`);
    return many.every(isObject)
      ? { objects: many, bulk: true }
      : bad(`Unable to find '${singular}' in request body`);
  }
  return isObject(one)
    ? { objects: [one], bulk: false }
    : bad(`Unable to find '${singular}' in request body`);
}

/** The values of a POST, defaults filled in. `project_id` is the owner of the new object. */
export function readPost<Values>(
  resource: Bodied,
  object: JsonObject,
  request: ApiRequest,
): Outcome<Values> {
  const owner = ownerOf(resource, object, request);
  if (isFault(owner)) return owner;
  const { tenant_id: _sameAsProject, ...named } = object;
  const namedValues = readGiven(resource, named, request, 'post');
  if (isFault(namedValues)) return namedValues;
  const values: Record<string, unknown> = {};
  for (const [name, attribute] of Object.entries(resource.attributes)) {
    if (namedValues[name] !== undefined) values[name] = namedValues[name];
    else if (attribute.required)
      return bad(`Failed to parse request. Required attribute '${name}' not specified`);
    else if (attribute.default !== undefined) values[name] = attribute.default;
  }
  return { ...values, project_id: owner } as Values; // types follow from the attribute table
}

/** The values that a PUT names, and no defaults. */
export function readPut<Values>(
  resource: Bodied,
  body: Json,
  request: ApiRequest,
): Outcome<Partial<Values>> {
  const object =
    typeof body === 'object' && body !== null && !Array.isArray(body)
      ? body[resource.singular]
      : undefined;
  if (typeof object !== 'object' || object === null || Array.isArray(object))
    return bad(`Unable to find '${resource.singular}' in request body`);
  // types follow from the attribute table
  return readGiven(resource, object, request, 'put') as Outcome<Partial<Values>>;
}

function readGiven(
  { singular, attributes }: Bodied,
  object: JsonObject,
  request: ApiRequest,
  verb: 'post' | 'put',
): Outcome<Record<string, unknown>> {
  const unknown = Object.keys(object).filter((name) => !Object.hasOwn(attributes, name));
  if (unknown.length > 0) return bad(`Unrecognized attribute(s) '${unknown.join(', ')}'`);
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(object)) {
    const attribute = attributes[name];
    if (!attribute || value === undefined) continue;
    if (!attribute[verb] || !attribute.parse)
      return bad(
        verb === 'post'
          ? `Attribute '${name}' not allowed in POST`
          : `Cannot update read-only attribute ${name}`,
      );
    const read = attribute.parse(value);
    if ('reason' in read) return bad(`Invalid input for ${name}. Reason: ${read.reason}`);
    const rule = `${verb === 'post' ? 'create' : 'update'}_${singular}:${name}`;
    // A POST may name a guarded attribute with its default value without the right to set it.
    // Upstream's policy, too, checks only attributes whose value is not the default.
    if (
      attribute.guarded &&
      !(verb === 'post' && JSON.stringify(read.value) === JSON.stringify(attribute.default)) &&
      !request.allows(rule)
    )
      return notAllowed(rule);
    values[name] = read.value;
  }
  return values;
}

function ownerOf({ singular }: Bodied, object: JsonObject, request: ApiRequest): Outcome<string> {
  const { project_id: project, tenant_id: tenant } = object;
  if (project !== undefined && tenant !== undefined && project !== tenant)
    return bad("'project_id' and 'tenant_id' do not match");
  const wanted = project ?? tenant;
  const own = request.auth.projectId;
  if (wanted === undefined) return own === null ? bad('The token is not scoped to a project') : own;
  if (typeof wanted !== 'string')
    return bad('Invalid input for project_id. Reason: it is not a valid string.');
  return wanted === own || request.allows('admin_or_service')
    ? wanted
    : notAllowed(`create_${singular}`);
}

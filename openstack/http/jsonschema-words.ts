// Validation errors with the messages of Python's jsonschema in the format of Nova's and Cinder's
// APIs, which clients print and sometimes match. https://python-jsonschema.readthedocs.io;
// nova.api.validation.validators
import type { Json } from '#contracts/common/json.ts';

export interface SchemaError {
  keyword: string;
  instancePath: string;
  message: string;
  params: object;
  schemaPath: string;
}

interface Params {
  limit?: number;
  pattern?: unknown;
  format?: string;
  type?: string | string[];
  allowedValue?: Json;
  allowedValues?: Json[];
  additionalProperties?: string[];
  requiredProperties?: string[];
}

/** Maximum length of a caller's value in a message. */
const maxShown = 100;
const maxNames = 3;
const secretName = /pass|secret|token/i;
const cut = (text: string): string =>
  text.length > maxShown ? `${text.slice(0, maxShown)}...` : text;
const quoted = (text: string): string => `'${cut(text)}'`;

/** A value in Python's notation; secrets in objects are left out. */
function literal(value: Json | undefined): string {
  if (typeof value === 'string') return `'${value}'`;
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.slice(0, maxShown).map(literal).join(', ')}]`;
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .slice(0, maxShown)
      .map(([name, item]) => `'${name}': ${secretName.test(name) ? "'***'" : literal(item)}`)
      .join(', ')}}`;
  return String(value);
}
const shown = (value: Json | undefined): string =>
  typeof value === 'string' ? quoted(value) : cut(literal(value));

/**
 * The message for `value`: a single error; for a union, only the errors of members of the value's
 * type count.
 */
export function jsonschemaWords(errors: readonly SchemaError[], value: Json | undefined): string {
  const ofItsType = errors.filter(({ keyword }) => keyword !== 'type');
  if (ofItsType.length === 0)
    return `${shown(value)} is not of type ${[...new Set(errors.flatMap(({ params }) => (params as Params).type ?? []))].map(quoted).join(', ')}`;
  const constants = ofItsType.flatMap(({ keyword, params }) =>
    keyword === 'const' ? [(params as Params).allowedValue ?? null] : [],
  );
  if (constants.length === ofItsType.length)
    return constants.length === 1 && errors.length === 1
      ? `${shown(constants[0])} was expected`
      : `${shown(value)} is not one of ${shown(constants)}`;
  return [...new Set(ofItsType.map((error) => words(error, value)))].join(' or ');
}

// Messages in jsonschema's words by keyword; for other keywords TypeBox's own.
function words({ keyword, params, message }: SchemaError, value: Json | undefined): string {
  const {
    limit,
    pattern,
    format,
    allowedValue,
    allowedValues,
    additionalProperties = [],
    requiredProperties = [],
  } = params as Params; // depends on the keyword
  const it = shown(value);
  switch (keyword) {
    case 'additionalProperties':
      return `Additional properties are not allowed (${namesOf(additionalProperties)} ${additionalProperties.length > 1 ? 'were' : 'was'} unexpected)`;
    case 'required':
      return `${quoted(requiredProperties[0] ?? '')} is a required property`;
    case 'minimum':
      return `${it} is less than the minimum of ${limit}`;
    case 'maximum':
      return `${it} is greater than the maximum of ${limit}`;
    case 'exclusiveMinimum':
      return `${it} is less than or equal to the minimum of ${limit}`;
    case 'exclusiveMaximum':
      return `${it} is greater than or equal to the maximum of ${limit}`;
    case 'minLength':
    case 'minItems':
      return `${it} is too short`;
    case 'maxLength':
    case 'maxItems':
      return `${it} is too long`;
    case 'minProperties':
      return `${it} does not have enough properties`;
    case 'maxProperties':
      return `${it} has too many properties`;
    case 'uniqueItems':
      return `${it} has non-unique elements`;
    case 'pattern':
      return `${it} does not match ${quoted(String(pattern))}`;
    case 'format':
      return `${it} is not a ${quoted(format ?? '')}`;
    case 'enum':
      return `${it} is not one of ${shown(allowedValues)}`;
    case 'const':
      return `${shown(allowedValue)} was expected`;
    case 'anyOf':
    case 'oneOf':
      return `${it} is not valid under any of the given schemas`;
    default:
      return message;
  }
}

const namesOf = (names: readonly string[]): string =>
  names.slice(0, maxNames).map(quoted).join(', ');

/**
 * The message of a refused body. `path`: keys and indexes that lead to the value. Like Nova, names
 * the last key; for an item of a list its index is added, as a number alone would say nothing.
 */
export function inputFault(path: readonly string[], value: Json | undefined, what: string): string {
  if (path.length === 0) return what;
  const lastName = path.findLastIndex((part) => !/^\d+$/.test(part));
  return `Invalid input for field/attribute ${cut(path.slice(Math.max(0, lastName)).join('.'))}. Value: ${cut(typeof value === 'string' ? value : literal(value))}. ${what}`;
}

// Booleans and times in the various forms that Nova, Cinder and masakari (the HA Service) accept in
// queries and bodies.
import Type from 'typebox';

const booleans = new Map(
  Object.entries({
    true: true,
    '1': true,
    t: true,
    yes: true,
    y: true,
    on: true,
    false: false,
    '0': false,
    f: false,
    no: false,
    n: false,
    off: false,
  }),
);

/** Parses a boolean in one of the usual words; undefined: none of them. */
export const booleanOf = (value: unknown): boolean | undefined =>
  typeof value === 'boolean' ? value : booleans.get(String(value).trim().toLowerCase());

/** Parses ISO 8601, as UTC if it names no zone; undefined: not a time. */
export function timeMsOf(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?$/.test(text))
    return undefined;
  const zoned =
    /(Z|[+-]\d{2}:?\d{2})$/.test(text.slice(10)) || text.length <= 10 ? text : `${text}Z`;
  const ms = Date.parse(zoned.replace(' ', 'T'));
  return Number.isNaN(ms) ? undefined : ms;
}

/** A boolean in a body, as Nova and masakari accept it: api/validation/parameter_types. */
export const booleanSchema = Type.Union([
  Type.Boolean(),
  Type.String({
    pattern:
      '^([Tt]rue|TRUE|[Ff]alse|FALSE|1|0|[Oo]n|ON|[Oo]ff|OFF|[Yy]es|YES|[Nn]o|NO|[tTfFyYnN])$',
  }),
]);

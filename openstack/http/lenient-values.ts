// Booleans and times as Nova and Cinder take them in queries and bodies: in more than one form.
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

/** A boolean as people write it; undefined: none of the usual words. */
export const booleanOf = (value: unknown): boolean | undefined =>
  typeof value === 'boolean' ? value : booleans.get(String(value).trim().toLowerCase());

/** ISO 8601, UTC where it names no zone; undefined: not a time. */
export function timeMsOf(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?$/.test(text))
    return undefined;
  const zoned =
    /(Z|[+-]\d{2}:?\d{2})$/.test(text.slice(10)) || text.length <= 10 ? text : `${text}Z`;
  const ms = Date.parse(zoned.replace(' ', 'T'));
  return Number.isNaN(ms) ? undefined : ms;
}

/** A boolean of a body, as Nova and masakari take it: api/validation/parameter_types. */
export const booleanSchema = Type.Union([
  Type.Boolean(),
  Type.String({
    pattern:
      '^([Tt]rue|TRUE|[Ff]alse|FALSE|1|0|[Oo]n|ON|[Oo]ff|OFF|[Yy]es|YES|[Nn]o|NO|[tTfFyYnN])$',
  }),
]);

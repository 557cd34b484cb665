// JSON schemas of fields that several request bodies share. As upstream, a number may be sent as a
// string of digits, a boolean as any of the usual words: nova/api/validation/parameter_types.
import Type from 'typebox';
import type { TSchema } from 'typebox';

export const maxInteger = 0x7fff_ffff;

/** An integer from `minimum` up, or a string of its decimal digits. */
export const numberSchema = (minimum: -1 | 0 | 1): TSchema =>
  Type.Union([
    Type.Integer({ minimum, maximum: maxInteger }),
    Type.String({
      pattern: { [-1]: '^(-1|[0-9]{1,9})$', 0: '^[0-9]{1,9}$', 1: '^0*[1-9][0-9]{0,8}$' }[minimum],
    }),
  ]);

// Kinds of fields that several bodies share. Numbers may come as text, booleans in any of the usual
// words: nova/api/validation/parameter_types.
import Type from 'typebox';
import type { TSchema } from 'typebox';

export const maxInteger = 0x7fff_ffff;

/** A whole number or its digits, from `minimum`. */
export const numberSchema = (minimum: -1 | 0 | 1): TSchema =>
  Type.Union([
    Type.Integer({ minimum, maximum: maxInteger }),
    Type.String({
      pattern: { [-1]: '^(-1|[0-9]{1,9})$', 0: '^[0-9]{1,9}$', 1: '^0*[1-9][0-9]{0,8}$' }[minimum],
    }),
  ]);

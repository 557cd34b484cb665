// Schemas of fields that several bodies share. Numbers may be sent as text, booleans in any of the
// usual words: cinder/api/validation/parameter_types.
import Type from 'typebox';
import type { TSchema } from 'typebox';
import type { Fault } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';

export const orNull = (schema: TSchema): TSchema => Type.Union([schema, Type.Null()]);
export const nameSchema = Type.Optional(orNull(Type.String({ maxLength: 255 })));
export const descriptionSchema = Type.Optional(orNull(Type.String({ maxLength: 65_535 })));
export const idSchema = Type.String({ minLength: 1, maxLength: 255 });
/** A whole number of GiB, at least 1, as a number or as digits. */
export const sizeSchema = Type.Union([
  Type.Integer({ minimum: 1, maximum: 0x7fff_ffff }),
  Type.String({ pattern: '^0*[1-9][0-9]{0,8}$' }),
]);
export const booleanSchema = Type.Union([
  Type.Boolean(),
  Type.String({
    pattern:
      '^ *([Tt]rue|TRUE|[Ff]alse|FALSE|1|0|[Oo]n|ON|[Oo]ff|OFF|[Yy]es|YES|[Nn]o|NO|[tTfFyYnN]) *$',
  }),
  Type.Literal(0),
  Type.Literal(1),
]);
/**
 * Metadata items per volume, snapshot or backup. Stock Cinder has no limit; 128 is the default of
 * Nova's `metadata_items` and Glance's `image_property_quota`.
 */
export const maxMetadataItems = 128;
export const tooManyItems = (): Fault =>
  fault('badRequest', `Maximum number of metadata items exceeds ${maxMetadataItems}`);
export const metadataSchema = Type.Record(
  Type.String({ pattern: '^.{1,255}$' }),
  Type.String({ maxLength: 255 }),
  { additionalProperties: false, maxProperties: maxMetadataItems },
);
/** Keys of extra specs: cinder.api.validation.parameter_types, extra_specs. */
export const extraSpecsSchema = Type.Record(
  Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }),
  Type.String({ maxLength: 255 }),
  { additionalProperties: false, maxProperties: maxMetadataItems },
);
export const strict = { additionalProperties: false } as const;

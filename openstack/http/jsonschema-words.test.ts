// The message of each keyword as in Python's jsonschema. https://python-jsonschema.readthedocs.io
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { TSchema } from 'typebox';
import Type from 'typebox';
import type { Json } from '#contracts/common/json.ts';
import { bodyChecker } from './schema.ts';

const strict = { additionalProperties: false };
const cases: readonly (readonly [TSchema, Json, string])[] = [
  [Type.String({ minLength: 1 }), '', "'' is too short"],
  [Type.String({ maxLength: 2 }), 'abc', "'abc' is too long"],
  [Type.String({ pattern: '^a$' }), 'b', "'b' does not match '^a$'"],
  [Type.String({ format: 'uuid' }), 'x', "'x' is not a 'uuid'"],
  [Type.Integer({ minimum: 1 }), 0, '0 is less than the minimum of 1'],
  [Type.Integer({ maximum: 1 }), 2, '2 is greater than the maximum of 1'],
  [Type.Number({ exclusiveMinimum: 0 }), 0, '0 is less than or equal to the minimum of 0'],
  [Type.Integer(), 'x', "'x' is not of type 'integer'"],
  [Type.Boolean(), null, "None is not of type 'boolean'"],
  [Type.String(), true, "True is not of type 'string'"],
  [Type.String(), { a: [1, null] }, "{'a': [1, None]} is not of type 'string'"],
  [Type.Union([Type.Literal('a'), Type.Literal('b')]), 'c', "'c' is not one of ['a', 'b']"],
  [Type.Enum(['a', 'b']), 'c', "'c' is not one of ['a', 'b']"],
  [Type.Union([Type.String(), Type.Null()]), 1, "1 is not of type 'string', 'null'"],
  [Type.Array(Type.Any(), { minItems: 1 }), [], '[] is too short'],
  [Type.Array(Type.Any(), { maxItems: 1 }), [1, 2], '[1, 2] is too long'],
  [Type.Array(Type.Any(), { uniqueItems: true }), [1, 1], '[1, 1] has non-unique elements'],
  [Type.Object({}, { minProperties: 1 }), {}, '{} does not have enough properties'],
  [Type.Object({}, { maxProperties: 0 }), { a: 1 }, "{'a': 1} has too many properties"],
  [Type.Object({ a: Type.Any() }), {}, "'a' is a required property"],
  [Type.Object({}, strict), { x: 1 }, "Additional properties are not allowed ('x' was unexpected)"],
  [
    Type.Object({}, strict),
    { x: 1, y: 2 },
    "Additional properties are not allowed ('x', 'y' were unexpected)",
  ],
];
for (const [schema, value, words] of cases) {
  it(words, () => {
    assert.equal(bodyChecker(schema)(value, 0)?.message, words);
    const nested = bodyChecker(Type.Object({ field: schema }))({ field: value }, 0)?.message ?? '';
    assert.ok(
      nested.startsWith('Invalid input for field/attribute field. Value: ') &&
        nested.endsWith(words),
      nested,
    );
  });
}

// The error about a refused body names the field and what is allowed there.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import Type from 'typebox';
import type { Json } from '#contracts/common/json.ts';
import { bodyChecker } from './schema.ts';

const server = Type.Object(
  {
    server: Type.Object(
      {
        name: Type.String({ minLength: 1, maxLength: 8 }),
        count: Type.Optional(
          Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^[0-9]+$' })]),
        ),
        disk: Type.Optional(Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')])),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);

describe('a body checker', () => {
  const check = bodyChecker(server);
  const refusal = (body: Json): string => {
    const wrong = check(body, 0);
    assert.equal(wrong?.kind, 'badRequest');
    return wrong.message;
  };

  it('lets a right body pass', () => {
    assert.equal(check({ server: { name: 'vm', count: '3', disk: 'AUTO' } }, 0), undefined);
  });

  it('names what is missing, in a nested object with the object', () =>
    assert.equal(
      refusal({ server: {} }),
      "Invalid input for field/attribute server. Value: {}. 'name' is a required property",
    ));
  it('names what is too much', () =>
    assert.equal(
      refusal({ server: { name: 'vm', colour: 1 } }),
      "Invalid input for field/attribute server. Value: {'name': 'vm', 'colour': 1}. Additional properties are not allowed ('colour' was unexpected)",
    ));
  it('shows the value and the rule', () =>
    assert.equal(
      refusal({ server: { name: '' } }),
      "Invalid input for field/attribute name. Value: . '' is too short",
    ));
  it('lists the alternatives of a union', () =>
    assert.equal(
      refusal({ server: { name: 'vm', disk: 'SOMETIMES' } }),
      "Invalid input for field/attribute disk. Value: SOMETIMES. 'SOMETIMES' is not one of ['AUTO', 'MANUAL']",
    ));
  it("lists only those of the value's own type, where one has it", () => {
    assert.equal(
      refusal({ server: { name: 'vm', count: 0 } }),
      'Invalid input for field/attribute count. Value: 0. 0 is less than the minimum of 1',
    );
    assert.equal(
      refusal({ server: { name: 'vm', count: null } }),
      "Invalid input for field/attribute count. Value: None. None is not of type 'integer', 'string'",
    );
  });
  it('says at the top what is wrong with the whole body', () => {
    assert.equal(refusal(null), "None is not of type 'object'");
    assert.equal(refusal({}), "'server' is a required property");
    assert.equal(
      refusal({ server: { name: 'vm' }, a: 1, b: 2 }),
      "Additional properties are not allowed ('a', 'b' were unexpected)",
    );
  });
  it('says nothing of the secrets beside what is wrong', () =>
    assert.doesNotMatch(refusal({ server: { name: 'vm', adminPass: 'hidden' } }), /hidden/));

  it('takes the schema of the version asked for, whatever the order they stand in', () => {
    const versioned = bodyChecker([
      { from: 10, schema: Type.Object({ new: Type.String() }, { additionalProperties: false }) },
      { from: 1, schema: Type.Object({ old: Type.String() }, { additionalProperties: false }) },
    ]);
    assert.equal(versioned({ old: 'x' }, 1), undefined);
    assert.equal(versioned({ old: 'x' }, 9), undefined);
    assert.equal(versioned({ old: 'x' }, 10)?.kind, 'badRequest');
    assert.equal(versioned({ new: 'x' }, 96), undefined);
    assert.match(versioned({}, 0)?.message ?? '', /not supported in this API version/);
  });
});

describe('a refused body of any size', () => {
  const many = Type.Object({
    tags: Type.Array(Type.Union([Type.String({ maxLength: 3, pattern: '^[a-z]+$' }), Type.Null()])),
    map: Type.Optional(Type.Record(Type.String({ pattern: '^[a-z0-9]+$' }), Type.String())),
  });
  const check = bodyChecker(many);
  it('is explained by its first wrong member', () => {
    assert.match(
      check({ tags: ['abc', 'abcd', 1] }, 0)?.message ?? '',
      /tags\.1\. Value: abcd\. 'abcd' is too long/,
    );
    assert.match(
      check({ tags: [], map: { a: 'x', b: 2, c: 3 } }, 0)?.message ?? '',
      /field\/attribute b\. Value: 2\. 2 is not of type 'string'/,
    );
  });
  it('takes the time of that member, not of all: a thousandfold list takes no hundredfold time', () => {
    const timeOf = (count: number): number => {
      const body = { tags: Array.from({ length: count }, () => 'ABCD') };
      const startedAt = process.threadCpuUsage();
      assert.ok(check(body, 0));
      return process.threadCpuUsage(startedAt).user;
    };
    timeOf(100);
    assert.ok(timeOf(200_000) < Math.max(timeOf(200), 2_000) * 100, 'every error was collected');
  });
  it('shows no more of it than needed', () => {
    const message =
      bodyChecker(Type.Object({}, { additionalProperties: false }))(
        Object.fromEntries(
          Array.from({ length: 5_000 }, (_, index) => [`${'k'.repeat(200)}${index}`, 1]),
        ),
        0,
      )?.message ?? '';
    assert.ok(message.length < 1_000, message.slice(0, 2_000));
  });
});

// A refused body names the field and what is allowed there.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import Type from 'typebox';
import type { Json } from '#contracts/common/json.ts';
import { bodyChecker } from '#platform/http/schema.ts';

const server = Type.Object({
  server: Type.Object({
    name: Type.String({ minLength: 1, maxLength: 8 }),
    count: Type.Optional(Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^[0-9]+$' })])),
    disk: Type.Optional(Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')])),
  }, { additionalProperties: false }),
}, { additionalProperties: false });

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

  it('names what is missing', () => assert.match(refusal({ server: {} }), /'name' is a required property of server/));
  it('names what is too much', () => assert.match(refusal({ server: { name: 'vm', colour: 1 } }), /'colour' unexpected\) in server/));
  it('shows the value and the rule', () => assert.match(refusal({ server: { name: '' } }), /field\/attribute server\.name\. Value: ""\. .*1/));
  it('lists the alternatives of a union', () => {
    const text = refusal({ server: { name: 'vm', disk: 'SOMETIMES' } });
    assert.match(text, /server\.disk/);
    assert.match(text, /"AUTO".*or.*"MANUAL"/);
  });
  it('lists only those of the value\'s own type, where one has it', () => {
    assert.match(refusal({ server: { name: 'vm', count: 0 } }), /server\.count\. Value: 0\. must be >= 1\.$/);
    assert.match(refusal({ server: { name: 'vm', count: null } }), /Value: null\. must be integer or must be string\.$/);
  });
  it('says that there should have been a body', () => assert.match(refusal(null), /body|required/));

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
  const many = Type.Object({ tags: Type.Array(Type.Union([Type.String({ maxLength: 3, pattern: '^[a-z]+$' }), Type.Null()])), map: Type.Optional(Type.Record(Type.String({ pattern: '^[a-z0-9]+$' }), Type.String())) });
  const check = bodyChecker(many);
  it('is explained by its first wrong member', () => {
    assert.match(check({ tags: ['abc', 'abcd', 1] }, 0)?.message ?? '', /tags\.1\. Value: "abcd"/);
    assert.match(check({ tags: [], map: { a: 'x', b: 2, c: 3 } }, 0)?.message ?? '', /map\.b\. Value: 2/);
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
    const message = bodyChecker(Type.Object({}, { additionalProperties: false }))(Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`${'k'.repeat(200)}${index}`, 1])), 0)?.message ?? '';
    assert.ok(message.length < 1_000, message.slice(0, 2_000));
  });
});

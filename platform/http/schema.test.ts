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

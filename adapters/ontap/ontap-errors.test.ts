import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import { isMissingFile, ontapFault, portFault } from './ontap-errors.ts';

const of = (status: number, code: string | number | undefined, message = 'words') =>
  ontapFault('GET /x', status, { error: { message, code } });

test('codes and status codes become kinds', () => {
  assert.deepEqual(
    [
      of(404, '6684674').kind,
      of(404, '4').kind,
      of(409, '1').kind,
      of(409, '6684689').kind,
      of(500, 6_684_700).kind,
      of(500, '9437549', 'No space left on device').kind,
      of(400, '2').kind,
      of(401, '6691623').kind,
      of(503, undefined).kind,
    ],
    [
      'notFound',
      'notFound',
      'conflict',
      'conflict',
      'overQuota',
      'overQuota',
      'badRequest',
      'unavailable',
      'unavailable',
    ],
  );
  assert.deepEqual([isMissingFile(of(404, '6684674')), isMissingFile(of(404, '4'))], [true, false]);
});

test('any body makes a fault with the call in its words', () => {
  for (const body of [
    null,
    'text',
    {},
    { error: null },
    { error: 'x' },
    { error: { message: 5, code: {} } },
  ])
    assert.match(
      ontapFault('GET /x', 502, body).message,
      /GET \/x: no reason given \(status 502, code none\)/,
    );
});

test('faults that the caller cannot correct become unavailable', () => {
  assert.deepEqual(
    [of(404, '6684674'), of(404, '4'), of(409, '1'), of(400, '2'), of(500, 6_684_700)].map(
      (answer) => portFault(answer).kind,
    ),
    ['notFound', 'unavailable', 'unavailable', 'unavailable', 'overQuota'],
  );
  const own = fault('conflict', 'The volume is larger already.');
  assert.equal(portFault(own), own);
});

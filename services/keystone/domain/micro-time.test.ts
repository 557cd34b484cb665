import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { formatMicros, parseMicros } from './micro-time.ts';

test('a time comes back with the digits it came with', () => {
  for (const text of [
    '2026-11-22T20:01:38.833964',
    '2026-01-01T00:00:00.000001',
    '2254-01-01T00:00:00.999999',
  ])
    assert.equal(formatMicros(parseMicros(text) ?? 0), text);
  assert.equal(
    parseMicros('2026-11-22T20:01:38.5Z'),
    parseMicros('2026-11-22T22:01:38.500000+02:00'),
  );
  for (const wrong of ['', 'tomorrow', '2026-13-01T00:00:00', '2026-11-22'])
    assert.equal(parseMicros(wrong), undefined, wrong);
});

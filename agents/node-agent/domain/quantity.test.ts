// Sizes, quantities and durations in the formats of Kubernetes and Go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goDuration, iecSize, quantity } from './quantity.ts';

test('a quantity has the largest suffix that leaves a whole number', () => {
  assert.deepEqual(
    [0, 1_000, 1024, 24_629_216 * 1024, 24 * 1024 ** 3, 1536 * 1024 ** 2].map(quantity),
    ['0', '1000', '1Ki', '24629216Ki', '24Gi', '1536Mi'],
  );
});

test('a size has one digit after the point below ten', () => {
  assert.deepEqual([-1, 512, 1024, 4 * 1024 ** 3, 9.97 * 1024, 128 * 1024 ** 2].map(iecSize), [
    '0 B',
    '512 B',
    '1.0 KiB',
    '4.0 GiB',
    '10 KiB',
    '128 MiB',
  ]);
});

test('a time is one of Go', () => {
  assert.deepEqual([0, 245, 1_500, 90_500, 3_600_000, -5].map(goDuration), [
    '0s',
    '245ms',
    '1.5s',
    '1m30.5s',
    '1h0m0s',
    '0s',
  ]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tanh } from './tanh.ts';

test('tanh is exact to 1e-9', () => {
  for (let x = -14; x <= 14; x += 1 / 997) {
    const y = tanh(x);
    assert.ok(Math.abs(y - Math.tanh(x)) < 1e-9, `${x}`);
  }
  for (const x of [0, Infinity, -Infinity, NaN]) assert.equal(tanh(x), Math.tanh(x));
});

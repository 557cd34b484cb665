// Which test files `cobalt test` runs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseTests } from './test.ts';

const files = [
  'images/debian/build-debian-image.test.ts',
  'services/nova/store/purge.test.ts',
  'test/debian/debian-image.test.ts',
];

test('a suite on demand runs only when its folder is named', () => {
  const [image, nova, onDemand] = files;
  assert.deepEqual(chooseTests(files, []), [image, nova]);
  assert.deepEqual(chooseTests(files, ['image', 'debian']), [image]);
  assert.deepEqual(chooseTests(files, ['nova']), [nova]);
  assert.deepEqual(chooseTests(files, ['test/debian']), [onDemand]);
  assert.deepEqual(chooseTests(files, ['test/debian/debian-image']), [onDemand]);
});

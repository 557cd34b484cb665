import assert from 'node:assert/strict';
import { test } from 'node:test';
import { debianPackages } from './packages.ts';

test('the list of Debian packages is well formed: a name once, known commands, a purpose', () => {
  const packages = debianPackages();
  assert.ok(packages.some((debianPackage) => debianPackage.name === 'libvirt-daemon'));
  assert.equal(new Set(packages.map(({ name }) => name)).size, packages.length);
  for (const { name, commands, purpose } of packages) {
    assert.match(name, /^[a-z0-9][a-z0-9.+-]+$/);
    assert.ok(
      commands.length > 0 &&
        commands.every((command) =>
          ['up', 'distributed', 'test', 'bench', 'image'].includes(command),
        ),
      name,
    );
    assert.ok(purpose.length > 5, name);
  }
});

test('what `up` needs, `test` and `bench` need too: they start clouds', () => {
  for (const { name, commands } of debianPackages()) {
    if (commands.includes('up'))
      assert.deepEqual(commands.slice(0, 3), ['up', 'test', 'bench'], name);
  }
});

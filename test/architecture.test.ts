// The dependency rules: who may import whom. docs/architecture.md has the table of components.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { componentOf, components } from './components.ts';
import type { Import } from './imports.ts';
import { importsOf, isTest, readSources } from './imports.ts';

/** The components that a file may import besides its own. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'contracts/common': [],
  contracts: ['contracts/common'],
  ports: ['contracts', 'contracts/common'],
  platform: ['contracts/common'],
  openstack: ['contracts', 'contracts/common', 'platform'],
  adapters: ['contracts', 'contracts/common', 'ports', 'platform'],
  services: ['contracts', 'contracts/common', 'ports', 'platform', 'openstack'],
  agents: ['contracts', 'contracts/common', 'ports', 'platform', 'openstack'],
  operators: ['contracts', 'contracts/common', 'ports', 'platform', 'openstack'],
  hosts: ['contracts', 'contracts/common', 'platform'],
  images: ['contracts', 'contracts/common', 'platform', 'hosts'],
};
const everything = new Set(['compose', 'cli', 'test', 'tools']);

// Only compose names a driver or a service; the CLI starts clouds through compose.
const neverFrom: Readonly<Record<string, readonly string[]>> = {
  cli: ['adapters/', 'services/', 'agents/'],
};
// Databases belong to services: agents and operators have none.
const forbiddenPackages: Readonly<Record<string, RegExp>> = {
  agents: /^(kysely|mysql2|node:sqlite)/,
  operators: /^(kysely|mysql2|node:sqlite)/,
  contracts: /^node:(fs|net|http|child_process)/,
};

export function violations(imports: readonly Import[]): string[] {
  return imports.flatMap(({ file, target }) => {
    const [from, folder] = [componentOf(file), file.split('/')[0] ?? ''];
    if (!components.includes(target.split('/')[0] ?? ''))
      return forbiddenPackages[folder]?.test(target)
        ? [`${file} imports the package ${target}`]
        : [];
    const to = componentOf(target);
    if (from === to) return [];
    // Tests and contract suites may use test helpers of other components.
    const inTest = isTest(file);
    if (neverFrom[folder]?.some((component) => to.startsWith(component)) && !inTest)
      return [`${file} imports ${target}`];
    if (everything.has(folder)) return [];
    if (
      inTest &&
      (target.endsWith('.testing.ts') ||
        target.startsWith('platform/') ||
        target.startsWith('openstack/') ||
        target.startsWith('ports/') ||
        target.startsWith('adapters/sim/') ||
        target.startsWith('adapters/qemu-img/') ||
        target.startsWith('adapters/file-image-store/') ||
        target.startsWith('adapters/file-backup-store/'))
    )
      return [];
    return allowed[from === 'contracts/common' ? from : folder]?.includes(to)
      ? []
      : [`${file} imports ${target}`];
  });
}

async function readImports(): Promise<{ imports: Import[]; files: number }> {
  const sources = await readSources();
  return { imports: sources.flatMap(importsOf), files: sources.length };
}

test('every import keeps the dependency rules', async () => {
  const { imports, files } = await readImports();
  assert.ok(files > 200, `only ${files} files were seen: the check looks at the wrong place`);
  assert.ok(imports.length > 800, `only ${imports.length} imports were seen`);
  assert.deepEqual(violations(imports), []);
});

test('a planted violation is seen', () => {
  const planted: Import[] = [
    { file: 'services/nova/service.ts', target: 'services/glance/service.ts' },
    { file: 'services/nova/service.ts', target: 'adapters/libvirt/libvirt-hypervisor.ts' },
    { file: 'agents/nova-agent/nova-agent.ts', target: 'kysely' },
    { file: 'platform/log.ts', target: 'contracts/nova/guest.ts' },
    { file: 'platform/http/server.ts', target: 'openstack/http/dispatcher.ts' },
    { file: 'openstack/http/dispatcher.ts', target: 'services/nova/service.ts' },
    { file: 'adapters/sim/sim-hypervisor.ts', target: 'adapters/libvirt/driver.ts' },
    { file: 'contracts/nova/guest.ts', target: 'ports/hypervisor.ts' },
    { file: 'ports/hypervisor.ts', target: 'adapters/sim/sim-hypervisor.ts' },
    { file: 'cli/main.ts', target: 'services/nova/service.ts' },
    { file: 'hosts/local/local-hosts.ts', target: 'services/nova/service.ts' },
  ];
  assert.equal(violations(planted).length, planted.length);
});

test('only compose names drivers', async () => {
  const { imports } = await readImports();
  const named = imports.filter(
    ({ file, target }) =>
      target.startsWith('adapters/') &&
      !file.startsWith('adapters/') &&
      !isTest(file) &&
      !/^(compose|test|tools)\//.test(file),
  );
  assert.deepEqual(named, []);
});

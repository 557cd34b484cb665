// How the Debian image is built. The build itself takes minutes and a mirror: test/debian runs it,
// and boots a server from the image.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { bootstrapCommand } from './build-debian-image.ts';

test('the build ends with its namespaces, takes a mirror, and brings what cloud-init needs', () => {
  const command = bootstrapCommand('/w/root', 'http://mirror/debian');
  assert.ok(command.indexOf('--kill-child') < command.indexOf('mmdebstrap'));
  assert.deepEqual(command.slice(-3), ['bookworm', '/w/root', 'http://mirror/debian']);
  assert.deepEqual(bootstrapCommand('/w/root', undefined).slice(-2), ['bookworm', '/w/root']);
  const packages = (command.find((word) => word.startsWith('--include=')) ?? '')
    .slice('--include='.length)
    .split(',');
  for (const name of [
    'linux-image-cloud-amd64',
    'cloud-init',
    'cloud-guest-utils',
    'isc-dhcp-client',
    'openssh-server',
    'systemd-resolved',
  ])
    assert.ok(packages.includes(name), name);
});

test('disk, boot loader and file system table name the same root, and the settings of cloud-init are YAML', () => {
  const read = (path: string): string =>
    readFileSync(join(import.meta.dirname, 'rootfs', path), 'utf8');
  assert.match(read('boot/grub/grub.cfg'), /root=LABEL=cobalt-root .*console=ttyS0/);
  assert.match(read('etc/fstab'), /^LABEL=cobalt-root \/ ext4 /m);
  assert.match(
    readFileSync(join(import.meta.dirname, 'build-debian-image.ts'), 'utf8'),
    /label: 'cobalt-root'/,
  );
  const settings = parse(read('etc/cloud/cloud.cfg.d/90_cobalt.cfg')) as {
    datasource_list: string[];
    locale: string;
  };
  assert.deepEqual(settings.datasource_list, ['ConfigDrive', 'OpenStack', 'None']);
  assert.equal(read('etc/default/locale'), `LANG=${settings.locale}\n`);
});

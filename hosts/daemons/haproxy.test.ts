// HAProxy's configuration: each path goes to the role that serves it, all others to the backend
// without paths. Where HAProxy is installed, it checks the configuration itself.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runChild } from '#platform/child-process.ts';
import { haproxyConfig, haproxyNeeds } from './haproxy.ts';

const config = haproxyConfig({
  folder: '/nowhere',
  host: '127.0.0.1',
  port: 8780,
  backends: [
    {
      name: 'nova-api',
      paths: ['/compute'],
      servers: [
        { name: 'nova-api-1', port: 8781 },
        { name: 'nova-api-2', port: 8782 },
      ],
    },
    { name: 'keystone', paths: [], servers: [{ name: 'keystone-1', port: 8783 }] },
  ],
  only: { host: '172.25.4.1', port: 15868, path: /^\/ha\/[a-z]+$/, backend: 'nova-api' },
});

test('a path goes to its role, and not what only begins like it', () => {
  assert.match(
    config,
    /use_backend nova-api if \{ path \/compute \} or \{ path_beg \/compute\/ \}/,
  );
  assert.match(config, /default_backend keystone\n/);
  assert.match(config, /server nova-api-2 127\.0\.0\.1:8782 check/);
});

test('at the second address one kind of request is taken', () => {
  assert.match(
    config,
    /bind 172\.25\.4\.1:15868\n.*404 unless \{ method POST \} \{ path -m reg \^\/ha\/\[a-z\]\+\$ \}\n.*nova-api\n/,
  );
});

test('paths about a single process are not routed', () => {
  assert.match(config, /deny_status 404 if \{ path \/readyz \/metrics \}/);
});

const [[program]] = haproxyNeeds;
test(
  'HAProxy takes it',
  { skip: !existsSync(program) && 'needs haproxy (./cobalt test installs it)' },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cobalt-haproxy-'));
    const file = join(folder, 'haproxy.cfg');
    await writeFile(file, config);
    const end = await runChild([program, '-c', '-f', file], { timeoutMs: 20_000 });
    await rm(folder, { recursive: true });
    assert.equal(end.code, 0, end.stderr);
  },
);

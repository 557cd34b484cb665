// What happens to a tenant who uploads images that refer to files of the host, on a real host.
// Glance refuses them; those in a container format that Glance does not inspect are refused by the
// host that should boot or rescue from them, and by the volume service, with a reason that contains
// no path.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readSecrets } from '#compose/home.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { writeReferringImage } from '#ports/referring-image.testing.ts';
import type { TestCloud } from './cloud.testing.ts';
import { realCloudMissing, testCloud } from './cloud.testing.ts';
import type { Server, Tenant } from './network.testing.ts';
import { tenant } from './network.testing.ts';

const settleMs = 120_000;

describe('images that refer to files of the host', { skip: realCloudMissing() }, () => {
  let cloud: TestCloud;
  let admin: Tenant;
  let token = '';
  const files: Record<string, { path: string; diskFormat: string }> = {};

  before(async () => {
    cloud = await testCloud();
    await cloud.up('--hosts', '1');
    admin = await tenant(cloud, 'admin');
    token = await scopedToken();
    const flat = 'RW 2048 FLAT "/etc/passwd" 0';
    const descriptor = (types: string[]): string =>
      [
        '# Disk DescriptorFile',
        'version=1',
        'CID=12345678',
        'parentCID=ffffffff',
        ...types.map((type) => `createType="${type}"`),
        flat,
        '',
      ].join('\n');
    const file = (name: string, diskFormat: string): string =>
      (files[name] = { path: join(cloud.dir, name), diskFormat }).path;
    writeFileSync(file('flat', 'vmdk'), descriptor(['monolithicFlat']));
    writeFileSync(file('decoy', 'vmdk'), descriptor(['monolithicSparse', 'monolithicFlat']));
    writeReferringImage(file('backing', 'qcow2'), '/etc/passwd');
  });
  after(async () => await cloud?.close());

  async function scopedToken(): Promise<string> {
    const user = {
      name: 'admin',
      domain: { id: 'default' },
      password: (await readSecrets(cloud.dir)).admin.reveal(),
    };
    const body = {
      auth: {
        identity: { methods: ['password'], password: { user } },
        scope: { project: { name: 'admin', domain: { id: 'default' } } },
      },
    };
    const answer = await fetch(`http://127.0.0.1:${cloud.port}/identity/v3/auth/tokens`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
    return answer.headers.get('x-subject-token') ?? '';
  }

  async function upload(
    name: string,
    containerFormat: string,
  ): Promise<{ id: string; status: number }> {
    const file = files[name];
    assert.ok(file);
    const { id } = await admin.api.ask<{ id: string }>('image', 'POST', '/v2/images', {
      name,
      disk_format: file.diskFormat,
      container_format: containerFormat,
    });
    const put = await fetch(`http://127.0.0.1:${cloud.port}/image/v2/images/${id}/file`, {
      method: 'PUT',
      // fetch accepts Node's streams, although its type does not say so.
      body: createReadStream(file.path) as unknown as ReadableStream,
      duplex: 'half',
      headers: { 'x-auth-token': token, 'content-type': 'application/octet-stream' },
    } as RequestInit);
    return { id, status: put.status };
  }
  const server = async (id: string): Promise<Server> =>
    (await admin.api.ask<{ server: Server }>('compute', 'GET', `/v2.1/servers/${id}`)).server;

  it('are refused by Glance', async () => {
    for (const name of Object.keys(files))
      assert.equal((await upload(name, 'bare')).status, 415, name);
  });

  it('make no server, and its fault says why', async () => {
    for (const name of Object.keys(files)) {
      const { id: imageRef, status } = await upload(name, 'ova');
      assert.equal(status, 204, name);
      const {
        server: { id },
      } = await admin.api.ask<{ server: { id: string } }>('compute', 'POST', '/v2.1/servers', {
        server: { name, imageRef, flavorRef: '42', networks: 'none' },
      });
      await eventually(async () => (await server(id)).status === 'ERROR', {
        withinMs: settleMs,
        what: `the server of ${name} to fail`,
      });
      const { fault } = await server(id);
      assert.match(fault?.message ?? '', /refers to another file/, name);
      assert.doesNotMatch(fault?.message ?? '', /\/(etc|var|tmp)\//);
    }
  });

  it('make no volume, and its message says why', async () => {
    for (const name of Object.keys(files)) {
      const { id: imageRef } = await upload(name, 'ova');
      const {
        volume: { id },
      } = await admin.api.ask<{ volume: { id: string } }>('volume', 'POST', '/v3/volumes', {
        volume: { name, imageRef, size: 1 },
      });
      await eventually(
        async () =>
          (
            await admin.api.ask<{ volume: { status: string } }>(
              'volume',
              'GET',
              `/v3/volumes/${id}`,
            )
          ).volume.status === 'error',
        { withinMs: settleMs, what: `the volume of ${name} to fail` },
      );
      const messageAnswer = await fetch(
        `http://127.0.0.1:${cloud.port}/volume/v3/messages?resource_uuid=${id}`,
        { headers: { 'x-auth-token': token, 'openstack-api-version': 'volume 3.70' } },
      );
      const { messages } = (await messageAnswer.json()) as { messages: { user_message: string }[] };
      assert.match(messages[0]?.user_message ?? '', /refers to another file/, name);
      assert.doesNotMatch(messages[0]?.user_message ?? '', /\/(etc|var|tmp)\//);
    }
  });

  it('left nothing of the host anywhere', () => {
    const secret = readFileSync('/etc/passwd', 'utf8').split('\n')[0] ?? '';
    assert.ok(secret.length > 10);
    for (const folder of ['hosts/h1/data/images', 'volume-spool', 'backup-spool']) {
      const found = execFileSync(
        'sh',
        ['-c', 'grep -rlF -- "$1" "$2" || true', 'sh', secret, join(cloud.dir, folder)],
        { encoding: 'utf8' },
      );
      assert.equal(found, '', folder);
    }
  });
});

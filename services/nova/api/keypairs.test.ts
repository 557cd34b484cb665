// Keypairs through the real dispatcher. Fingerprints and generated keys are compared with the
// output of ssh-keygen and openssl.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { Json } from '#contracts/common/json.ts';
import { defaultClass, setQuotas } from '../store/quotas.ts';
import type { NovaFixture, Person } from './nova-api.testing.ts';
import { startNova } from './nova-api.testing.ts';

// Made with ssh-keygen -t ed25519.
const ed25519 =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINF3oDx3pMpNC1TifUT20cJ656lro/QVyOx0rZaeEyvu test@cobalt';

const run = promisify(execFile);
let nova: NovaFixture;
const ask: NovaFixture['ask'] = (...args) => nova.ask(...args);
const create = async (keypair: Json, version?: number, who: Person = 'member') =>
  await ask(who, 'POST', 'os-keypairs', {
    body: { keypair },
    ...(version !== undefined && { version }),
  });

describe('keypairs', () => {
  beforeEach(async () => {
    nova = await startNova();
  });
  after(async () => await nova.close());

  it('are imported and shown with the fingerprint ssh-keygen tells', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cobalt-keypairs-'));
    try {
      await writeFile(join(folder, 'key.pub'), ed25519);
      const fingerprint = /MD5:(\S+)/.exec(
        (await run('ssh-keygen', ['-l', '-E', 'md5', '-f', join(folder, 'key.pub')])).stdout,
      )?.[1];
      const created = await create({ name: 'mine', public_key: ed25519 });
      const wanted = { name: 'mine', public_key: ed25519, fingerprint };
      assert.deepEqual(
        [created.status, created.body],
        [200, { keypair: { ...wanted, user_id: 'member' } }],
      );
      assert.deepEqual((await ask('reader', 'GET', 'os-keypairs')).body, { keypairs: [] });
      assert.deepEqual((await ask('member', 'GET', 'os-keypairs')).body, {
        keypairs: [{ keypair: wanted }],
      });
      assert.deepEqual((await ask('member', 'GET', 'os-keypairs/mine')).body, {
        keypair: {
          ...wanted,
          id: 1,
          user_id: 'member',
          created_at: '2026-11-22T12:00:00.000000',
          updated_at: null,
          deleted: false,
          deleted_at: null,
        },
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('of type x509 are made as a certificate of the user that openssl reads, signed by the key told with it', async () => {
    const { status, body } = await create({ name: 'made', type: 'x509' }, 2);
    assert.equal(status, 201);
    const folder = await mkdtemp(join(tmpdir(), 'cobalt-keypairs-'));
    try {
      const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
      await writeFile(certificate, body.keypair.public_key);
      await writeFile(key, body.keypair.private_key, { mode: 0o600 });
      await run('openssl', [
        'verify',
        '-CAfile',
        certificate,
        '-check_ss_sig',
        '-partial_chain',
        certificate,
      ]);
      const shown = (
        await run('openssl', [
          'x509',
          '-in',
          certificate,
          '-noout',
          '-subject',
          '-fingerprint',
          '-sha1',
          '-ext',
          'extendedKeyUsage,subjectAltName',
        ])
      ).stdout;
      assert.match(shown, /CN = member/);
      assert.match(shown, /UPN:+member@localhost/);
      assert.match(shown, /TLS Web Client Authentication/);
      assert.equal(body.keypair.fingerprint, /Fingerprint=(\S+)/.exec(shown)?.[1]?.toLowerCase());
      const own = (await run('openssl', ['pkey', '-in', key, '-pubout'])).stdout;
      assert.equal(
        (await run('openssl', ['x509', '-in', certificate, '-noout', '-pubkey'])).stdout,
        own,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('are made as RSA 2048 that ssh-keygen reads, and the private half is told once', async () => {
    const { status, body } = await create({ name: 'made' }, 2);
    assert.equal(status, 201);
    assert.equal(body.keypair.type, 'ssh');
    const folder = await mkdtemp(join(tmpdir(), 'cobalt-keypairs-'));
    try {
      const file = join(folder, 'key');
      await writeFile(file, body.keypair.private_key, { mode: 0o600 });
      const derived = (await run('ssh-keygen', ['-y', '-f', file])).stdout
        .trim()
        .split(' ')
        .slice(0, 2)
        .join(' ');
      assert.equal(body.keypair.public_key, `${derived} Generated-by-Nova`);
    } finally {
      await rm(folder, { recursive: true });
    }
    assert.equal(
      'private_key' in
        (await ask('member', 'GET', 'os-keypairs/made', { version: 2 })).body.keypair,
      false,
    );
  });

  it('are not made any more from 2.92 on, when names may be mail addresses', async () => {
    assert.equal((await create({ name: 'made' }, 92)).status, 400);
    assert.equal((await create({ name: 'me@home.org', public_key: ed25519 }, 91)).status, 400);
    assert.equal((await create({ name: 'me@home.org', public_key: ed25519 }, 92)).status, 201);
  });

  it('take X.509 certificates with their SHA-1 fingerprint', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cobalt-keypairs-'));
    try {
      const pemFile = join(folder, 'cert.pem');
      await run('openssl', [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        join(folder, 'key.pem'),
        '-out',
        pemFile,
        '-subj',
        '/CN=me',
        '-days',
        '2',
      ]);
      const { stdout: pem } = await run('openssl', ['x509', '-in', pemFile]);
      const fingerprint = (
        await run('openssl', ['x509', '-in', pemFile, '-noout', '-fingerprint', '-sha1'])
      ).stdout
        .trim()
        .split('=')[1];
      const { status, body } = await create({ name: 'windows', type: 'x509', public_key: pem }, 2);
      assert.deepEqual(
        [status, body.keypair.type, body.keypair.fingerprint],
        [201, 'x509', fingerprint?.toLowerCase()],
      );
    } finally {
      await rm(folder, { recursive: true });
    }
    assert.equal((await create({ name: 'bad', type: 'x509', public_key: ed25519 }, 2)).status, 400);
  });

  const blob = (...fields: (string | Buffer)[]) =>
    Buffer.concat(
      fields.flatMap((field) => {
        const bytes = Buffer.from(field as Buffer); // a string or bytes, both are copied
        const length = Buffer.alloc(4);
        length.writeUInt32BE(bytes.length);
        return [length, bytes];
      }),
    ).toString('base64');
  const wrong: Record<string, Json> = {
    'an empty name': { name: '' },
    'a name of blanks': { name: '  ' },
    'a long name': { name: 'k'.repeat(256) },
    'a name with a slash': { name: 'key_/.\\@:' },
    'no name': {},
    'an empty key': { name: 'k', public_key: '' },
    'words for a key': { name: 'k', public_key: 'ssh-rsa JUNK nova@ubuntu' },
    'a key of no kind': { name: 'k', public_key: 'ssh-x25519 AAAA' },
    'too long a key': { name: 'k', public_key: `ssh-rsa ${'A'.repeat(2048)} openstack@ubuntu` },
    'a key named differently inside': {
      name: 'k',
      public_key: ed25519.replace('ssh-ed25519 ', 'ssh-rsa '),
    },
    'a key cut short': { name: 'k', public_key: ed25519.slice(0, 60) },
    'an ed25519 key of 31 bytes': {
      name: 'k',
      public_key: `ssh-ed25519 ${blob('ssh-ed25519', Buffer.alloc(31, 1))}`,
    },
    'an RSA key beyond 16384 bits': {
      name: 'k',
      public_key: `ssh-rsa ${blob('ssh-rsa', Buffer.from([1, 0, 1]), Buffer.alloc(2050, 1))}`,
    },
    'a type before 2.2': { name: 'k', type: 'ssh' },
    'an unknown field': { name: 'k', colour: 'red' },
  };
  for (const [what, keypair] of Object.entries(wrong))
    it(`refuse ${what} with 400`, async () => assert.equal((await create(keypair)).status, 400));

  it('have names of their own within a user', async () => {
    assert.equal((await create({ name: 'k', public_key: ed25519 })).status, 200);
    assert.equal((await create({ name: 'k', public_key: ed25519 })).status, 409);
    assert.equal((await create({ name: 'k', public_key: ed25519 }, 2, 'other')).status, 201);
  });

  it('are bounded by the quota', async () => {
    await setQuotas(nova.deps.database.db, defaultClass, '', { key_pairs: 1 });
    assert.equal((await create({ name: 'a', public_key: ed25519 })).status, 200);
    const second = await create({ name: 'b', public_key: ed25519 });
    assert.equal(second.status, 403);
    assert.match(second.body.forbidden.message, /key pairs/);
  });

  it('are deleted, 202 at first and 204 from 2.2 on', async () => {
    await create({ name: 'a', public_key: ed25519 });
    await create({ name: 'b', public_key: ed25519 });
    assert.equal((await ask('other', 'DELETE', 'os-keypairs/a')).status, 404);
    assert.deepEqual(
      [
        (await ask('member', 'DELETE', 'os-keypairs/a')).status,
        (await ask('member', 'DELETE', 'os-keypairs/b', { version: 2 })).status,
      ],
      [202, 204],
    );
    assert.equal((await ask('member', 'DELETE', 'os-keypairs/a')).status, 404);
    assert.equal((await ask('member', 'GET', 'os-keypairs/a')).status, 404);
  });

  it('of another user are reached by administrators alone, from 2.10 on', async () => {
    assert.equal(
      (await create({ name: 'k', public_key: ed25519, user_id: 'other' }, 10, 'admin')).body.keypair
        .user_id,
      'other',
    );
    assert.equal(
      (await create({ name: 'k', public_key: ed25519, user_id: 'other' }, 10)).status,
      403,
    );
    assert.equal(
      (await create({ name: 'k', public_key: ed25519, user_id: 'other' }, 9)).status,
      400,
    );
    assert.equal(
      (await ask('admin', 'GET', 'os-keypairs/k?user_id=other', { version: 10 })).status,
      200,
    );
    assert.equal(
      (await ask('admin', 'GET', 'os-keypairs/k?user_id=other', { version: 9 })).status,
      404,
    );
    assert.equal(
      (await ask('member', 'GET', 'os-keypairs?user_id=other', { version: 10 })).status,
      403,
    );
    assert.equal(
      (await ask('member', 'DELETE', 'os-keypairs/k?user_id=other', { version: 10 })).status,
      403,
    );
    assert.equal(
      (await ask('admin', 'DELETE', 'os-keypairs/k?user_id=other', { version: 10 })).status,
      204,
    );
  });

  it('are paged from 2.35 on', async () => {
    for (const name of ['a', 'b', 'c']) await create({ name, public_key: ed25519 });
    const { body } = await ask('member', 'GET', 'os-keypairs?limit=1&marker=a', { version: 35 });
    assert.deepEqual(
      body.keypairs.map((entry: { keypair: { name: string } }) => entry.keypair.name),
      ['b'],
    );
    assert.deepEqual(body.keypairs_links, [
      { rel: 'next', href: 'http://cloud/compute/v2.1/os-keypairs?limit=1&marker=b' },
    ]);
    assert.equal(
      (await ask('member', 'GET', 'os-keypairs?marker=none', { version: 35 })).status,
      400,
    );
    assert.equal((await ask('member', 'GET', 'os-keypairs?limit=x', { version: 35 })).status, 400);
    assert.equal(
      (await ask('member', 'GET', 'os-keypairs?limit=1', { version: 34 })).body.keypairs.length,
      3,
    );
    assert.equal((await ask(null, 'GET', 'os-keypairs')).status, 401);
  });
});

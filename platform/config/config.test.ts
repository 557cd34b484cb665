// Defaults, file, environment: each overrides the one before; a wrong value is named in the error.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import Type from 'typebox';
import { ConfigError, loadConfig, readConfig } from './config.ts';

const schema = Type.Object(
  {
    acceleration: Type.Enum(['auto', 'kvm'], { default: 'auto' }),
    api: Type.Object(
      {
        host: Type.String({ default: '127.0.0.1' }),
        port: Type.Integer({ minimum: 1, maximum: 65_535, default: 8780 }),
      },
      { additionalProperties: false, default: {} },
    ),
    nova: Type.Object(
      {
        shutdownTimeoutMs: Type.Integer({ minimum: 0, default: 60_000 }),
        resume: Type.Boolean({ default: true }),
      },
      { additionalProperties: false, default: {} },
    ),
  },
  { additionalProperties: false },
);

let dir: string;
before(async () => void (dir = await mkdtemp(join(tmpdir(), 'cobalt-config-'))));
after(async () => await rm(dir, { recursive: true }));

async function load(text: string | null, env: Record<string, string> = {}) {
  const file = join(dir, text === null ? 'missing.yaml' : 'cobalt.yaml');
  if (text !== null) await writeFile(file, text);
  return await loadConfig(schema, { file, env, prefix: 'COBALT' });
}
const refused =
  (why: RegExp) =>
  (error: unknown): boolean =>
    error instanceof ConfigError && why.test(error.message);

describe('configuration', () => {
  it('is complete without a file', async () => {
    assert.deepEqual(await load(null), {
      acceleration: 'auto',
      api: { host: '127.0.0.1', port: 8780 },
      nova: { shutdownTimeoutMs: 60_000, resume: true },
    });
  });
  it('takes what the file says and keeps the rest', async () => {
    assert.deepEqual((await load('nova:\n  shutdownTimeoutMs: 5\n')).nova, {
      shutdownTimeoutMs: 5,
      resume: true,
    });
    assert.equal((await load('')).api.port, 8780);
  });
  it('tells where each value is from', async () => {
    const file = join(dir, 'cobalt.yaml');
    await writeFile(file, 'nova:\n  shutdownTimeoutMs: 5\n');
    const { sourceOf } = await readConfig(schema, {
      file,
      env: { COBALT_API__PORT: '81' },
      prefix: 'COBALT',
    });
    assert.equal(sourceOf('nova.shutdownTimeoutMs'), file);
    assert.equal(sourceOf('api.port'), 'COBALT_API__PORT');
    assert.equal(sourceOf('api.host'), 'default');
  });
  it('keeps text that looks like a number as text where text is asked for', async () => {
    assert.equal((await load(null, { COBALT_API__HOST: '127' })).api.host, '127');
  });
  it('refuses a variable that is no setting, and says what a section has', async () => {
    await assert.rejects(
      load(null, { COBALT_API__PROT: '81' }),
      refused(/COBALT_API__PROT is no setting/),
    );
    await assert.rejects(
      load('api:\n  prot: 81\n'),
      refused(/api\.prot is no setting of this release; allowed are host, port/),
    );
  });
  it('takes the environment over the file, in its type', async () => {
    const config = await load('nova:\n  shutdownTimeoutMs: 5\n', {
      COBALT_NOVA__SHUTDOWN_TIMEOUT_MS: '7',
      COBALT_NOVA__RESUME: 'false',
      COBALT_API__HOST: '0.0.0.0',
      COBALT_OTHER: 'ignored',
    });
    assert.deepEqual(config.nova, { shutdownTimeoutMs: 7, resume: false });
    assert.equal(config.api.host, '0.0.0.0');
  });
  it('takes a setting without a section from file and environment, and names what is allowed', async () => {
    assert.equal((await load('acceleration: kvm')).acceleration, 'kvm');
    assert.equal((await load(null, { COBALT_ACCELERATION: 'kvm' })).acceleration, 'kvm');
    await assert.rejects(
      load('acceleration: fast'),
      refused(/acceleration must be one of auto, kvm/),
    );
  });
  it('refuses a value out of range, by name', async () =>
    await assert.rejects(load('api: {port: 70000}'), refused(/api\.port .*65535/)));
  it('refuses a wrong type from the environment, by name', async () =>
    await assert.rejects(load(null, { COBALT_API__PORT: 'http' }), refused(/api\.port/)));
  it('refuses a field or section that does not exist: a slip of the pen must not pass', async () => {
    await assert.rejects(load('nova: {shutdownTimeout: 5}'), refused(/nova/));
    await assert.rejects(load('nvoa: {}'), ConfigError);
  });
  it('refuses what is no YAML and what has no sections', async () => {
    await assert.rejects(load('a: [1'), refused(/not valid YAML/));
    await assert.rejects(load('- 1'), refused(/sections/));
  });
  it('refuses a file that cannot be read', async () => {
    await assert.rejects(
      loadConfig(schema, { file: dir, env: {}, prefix: 'COBALT' }),
      refused(/cannot be read/),
    );
  });
});

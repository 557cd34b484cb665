// An operator's policy rules take effect, and an error in them is reported before anything starts.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { thingFace } from '#openstack/http/face.testing.ts';
import { readPolicyFiles } from './policy-files.ts';

describe('policy files', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cobalt-policy-'));
  });
  after(async () => await rm(folder, { recursive: true }));
  const read = async (text: string) => {
    await writeFile(join(folder, 'things.yaml'), text);
    return await readPolicyFiles(folder, [
      { ...thingFace, name: 'things' },
      { ...thingFace, name: 'nothing' },
    ]);
  };

  it('replace rules by name', async () =>
    assert.deepEqual(await read('show: "role:admin"\n'), { things: { show: 'role:admin' } }));
  it('may be empty or missing', async () => assert.deepEqual(await read(''), { things: {} }));
  const mistakes: readonly [string, string, RegExp][] = [
    ['a rule that does not exist', 'shwo: "role:admin"', /no rule "shwo"/],
    ['a rule that does not parse', 'show: "role:admin or"', /ends too early/],
    ['a rule that names another that does not exist', 'show: "rule:owner"', /unknown rule owner/],
    ['a rule that is no text', 'show: [admin]', /must be text/],
    ['a list', '- show', /must hold lines/],
    ['no YAML', 'show: "', /not valid YAML/],
  ];
  for (const [name, text, message] of mistakes)
    it(`name ${name}`, async () =>
      await assert.rejects(read(text), { name: 'ConfigError', message }));
});

// Request bodies from sockets: bounded, of the right content type, and not assumed to be JSON.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock } from '../clock.ts';
import { readJson } from './read-json.ts';

const read = async (
  chunks: readonly string[],
  type?: string,
  route: Parameters<typeof readJson>[1] = {},
) =>
  await readJson(
    {
      body: { stream: Readable.from(chunks.map((chunk) => Buffer.from(chunk))) },
      headers: { 'content-type': type },
    },
    route,
    systemClock,
  );
const kind = (outcome: unknown): string | undefined =>
  isFault(outcome) ? outcome.kind : undefined;

describe('reading a body', () => {
  it('puts chunks together, even within a character', async () => {
    const bytes = Buffer.from('{"name":"Zoë"}');
    const cut = bytes.indexOf(0xc3) + 1;
    const body = await readJson(
      {
        body: { stream: Readable.from([bytes.subarray(0, cut), bytes.subarray(cut)]) },
        headers: {},
      },
      {},
      systemClock,
    );
    assert.deepEqual({ ...(body as object) }, { name: 'Zoë' });
  });
  it('takes nothing as null', async () => {
    assert.equal(await readJson({ body: null, headers: {} }, {}, systemClock), null);
    assert.equal(await read([]), null);
  });
  it('hands over what comes from the same process', async () =>
    assert.deepEqual(await readJson({ body: { json: { a: 1 } }, headers: {} }, {}, systemClock), {
      a: 1,
    }));
  it('takes JSON by any of its names', async () => {
    for (const type of [
      'application/json',
      'Application/JSON; charset=utf-8',
      'application/merge-patch+json',
    ])
      assert.deepEqual(await read(['[1]'], type), [1], type);
    assert.deepEqual(
      await read(['[1]'], 'application/openstack-images-v2.1-json-patch', {
        jsonTypes: ['application/openstack-images-v2.1-json-patch'],
      }),
      [1],
    );
  });
  it('refuses other types, also those of other routes', async () => {
    assert.equal(kind(await read(['[1]'], 'text/plain')), 'unsupportedMediaType');
    assert.equal(
      kind(await read(['[1]'], 'application/openstack-images-v2.1-json-patch')),
      'unsupportedMediaType',
    );
  });
  it('refuses what is no JSON', async () =>
    assert.equal(kind(await read(['{"a":'], 'application/json')), 'badRequest'));
  it('stops reading at the bound', async () => {
    let sent = 0;
    const endless = Readable.from(
      (function* () {
        for (;;) {
          sent += 1;
          yield Buffer.alloc(1000, 32);
        }
      })(),
    );
    assert.equal(
      kind(
        await readJson(
          { body: { stream: endless }, headers: {} },
          { maxBodyBytes: 5_000 },
          systemClock,
        ),
      ),
      'tooLarge',
    );
    assert.ok(sent < 50, `${sent} chunks were read`);
    assert.deepEqual(
      await read(['[', ' '.repeat(4_998), ']'], undefined, { maxBodyBytes: 5_000 }),
      [],
    );
  });
});

// Image data: upload, download, ranges, quotas, interrupted uploads; through the dispatcher and
// over a real socket.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { PassThrough } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { startHttpServer, type HttpServer } from '#platform/http/server.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { qcow2Header, startGlance, type Answer, type TestGlance } from './glance.testing.ts';

const octets = { 'content-type': 'application/octet-stream' };
const formats = { disk_format: 'raw', container_format: 'bare' };

describe('image data', () => {
  let glance: TestGlance;
  let server: HttpServer;
  before(async () => {
    glance = await startGlance({
      config: { maxImageBytes: 10_000_000, projectQuotaBytes: 12_000_000, uploadStallMs: 2_000 },
    });
    server = await startHttpServer(glance.dispatcher, { host: '127.0.0.1', port: 0 });
  });
  after(async () => {
    await server.close();
    await glance.close();
  });
  const ask: TestGlance['ask'] = async (...args) => await glance.ask(...args);
  const queued = async (who = 'ann', fields = {}): Promise<string> =>
    (await ask(who, 'POST', '/images', { ...formats, ...fields })).body.id;
  const show = async (id: string, who = 'ann'): Promise<Answer['body']> =>
    (await ask(who, 'GET', `/images/${id}`)).body;
  const remove = async (id: string, who = 'ann'): Promise<void> =>
    assert.equal((await ask(who, 'DELETE', `/images/${id}`)).status, 204);
  const keysOf = async (id: string): Promise<string[]> =>
    (await glance.store.list()).map(({ key }) => key).filter((key) => key.startsWith(id));

  it('takes data, measures it and gives it back', async () => {
    const id = await queued();
    const data = randomBytes(3_000_001);
    const put = await ask('ann', 'PUT', `/images/${id}/file`, data, octets);
    assert.deepEqual([put.status, put.body], [204, undefined]);
    const image = await show(id);
    const md5 = createHash('md5').update(data).digest('hex');
    assert.deepEqual(
      [
        image.status,
        image.size,
        image.virtual_size,
        image.checksum,
        image.os_hash_algo,
        image.os_hash_value,
        image.stores,
      ],
      [
        'active',
        data.length,
        data.length,
        md5,
        'sha512',
        createHash('sha512').update(data).digest('hex'),
        'fs',
      ],
    );
    const got = await ask('ann', 'GET', `/images/${id}/file`);
    assert.deepEqual(
      [
        got.status,
        got.headers['content-md5'],
        got.headers['content-length'],
        got.headers['content-type'],
      ],
      [200, md5, String(data.length), 'application/octet-stream'],
    );
    assert.ok(got.bytes.equals(data));
    assert.equal(
      (await ask('ann', 'PUT', `/images/${id}/file`, Buffer.from('again'), octets)).status,
      409,
    );
    assert.ok((await ask('ann', 'GET', `/images/${id}/file`)).bytes.equals(data));
    await remove(id);
  });

  it('reads the virtual size from a qcow2 or vdi header, and believes no other bytes', async () => {
    const vdi = Buffer.alloc(512);
    vdi.writeUInt32LE(0xbeda107f, 64);
    vdi.writeBigUInt64LE(7n * 2n ** 30n, 368);
    for (const [disk_format, data, expected] of [
      ['qcow2', qcow2Header(5 * 2 ** 30), 5 * 2 ** 30],
      ['vdi', vdi, 7 * 2 ** 30],
      ['raw', Buffer.alloc(512), 512],
      ['aki', vdi, null],
      ['qcow2', qcow2Header(2 ** 63), null],
    ] as const) {
      const id = await glance.image('ann', { disk_format }, data);
      assert.equal((await show(id)).virtual_size, expected, disk_format);
      await remove(id);
    }
  });

  it('answers ranges', async () => {
    const data = randomBytes(1000);
    const id = await glance.image('ann', {}, data);
    for (const [range, first, last] of [
      ['bytes=0-9', 0, 9],
      ['bytes=990-', 990, 999],
      ['bytes=-5', 995, 999],
      ['bytes=-5000', 0, 999],
      ['bytes=998-2000', 998, 999],
    ] as const) {
      const got = await ask('ann', 'GET', `/images/${id}/file`, undefined, { range });
      assert.deepEqual(
        [got.status, got.headers['content-range'], got.headers['content-length']],
        [206, `bytes ${first}-${last}/1000`, String(last - first + 1)],
        range,
      );
      assert.ok(got.bytes.equals(data.subarray(first, last + 1)), range);
    }
    for (const range of [
      'bytes=1000-',
      'bytes=5-4',
      'bytes=-0',
      'bytes=0-1,5-6',
      'items=0-1',
      'bytes=-',
    ]) {
      const got = await ask('ann', 'GET', `/images/${id}/file`, undefined, { range });
      assert.deepEqual([got.status, got.headers['content-range']], [416, 'bytes */1000'], range);
    }
    await remove(id);
  });

  it('has no data to give before there is some, and takes none of another type or without formats', async () => {
    const id = await queued();
    assert.equal((await ask('ann', 'GET', `/images/${id}/file`)).status, 204);
    assert.equal(
      (
        await ask('ann', 'PUT', `/images/${id}/file`, Buffer.from('x'), {
          'content-type': 'application/json',
        })
      ).status,
      415,
    );
    const { body } = await ask('ann', 'POST', '/images', { disk_format: 'raw' });
    assert.equal(
      (await ask('ann', 'PUT', `/images/${body.id}/file`, Buffer.from('x'), octets)).status,
      400,
    );
    assert.deepEqual([(await show(id)).status, (await show(body.id)).status], ['queued', 'queued']);
    await remove(id);
  });

  it('gives a deactivated image to admins alone', async () => {
    const id = await glance.image('ann');
    for (let twice = 0; twice < 2; twice += 1)
      assert.equal((await ask('ann', 'POST', `/images/${id}/actions/deactivate`)).status, 204);
    assert.deepEqual(
      [
        (await show(id)).status,
        (await ask('ann', 'GET', `/images/${id}/file`)).status,
        (await ask('admin', 'GET', `/images/${id}/file`)).status,
      ],
      ['deactivated', 403, 200],
    );
    assert.equal((await ask('ann', 'POST', `/images/${id}/actions/reactivate`)).status, 204);
    assert.equal((await ask('ann', 'GET', `/images/${id}/file`)).status, 200);
    await remove(id);
    const empty = await queued();
    assert.equal((await ask('ann', 'POST', `/images/${empty}/actions/deactivate`)).status, 403);
    await remove(empty);
  });

  it('refuses what is larger than an image or the project may be, told in advance or not', async () => {
    const id = await queued('eve');
    assert.equal(
      (
        await ask('eve', 'PUT', `/images/${id}/file`, Buffer.from('x'), {
          ...octets,
          'content-length': '10000001',
        })
      ).status,
      413,
    );
    assert.equal(
      (await ask('eve', 'PUT', `/images/${id}/file`, Buffer.alloc(10_000_001), octets)).status,
      413,
    );
    assert.deepEqual([(await show(id, 'eve')).status, await keysOf(id)], ['queued', []]);
    assert.equal(
      (await ask('eve', 'PUT', `/images/${id}/file`, Buffer.alloc(10_000_000), octets)).status,
      204,
    );
    const second = await queued('eve');
    assert.equal(
      (await ask('eve', 'PUT', `/images/${second}/file`, Buffer.alloc(2_000_001), octets)).status,
      413,
    );
    const others = await Promise.all([queued('eve'), queued('eve')]);
    const both = await Promise.all(
      others.map(
        async (other) =>
          await ask('eve', 'PUT', `/images/${other}/file`, Buffer.alloc(1_500_000), octets),
      ),
    );
    assert.deepEqual(
      both.map(({ status }) => status).sort(),
      [204, 413],
      'two that fit alone, but not together',
    );
    for (const one of [id, second, ...others]) await remove(one, 'eve');
    assert.deepEqual(await glance.store.list(), []);
  });

  it('takes one upload at a time, and gives an image that is deleted meanwhile up', async () => {
    const id = await queued();
    const source = new PassThrough();
    const first = ask('ann', 'PUT', `/images/${id}/file`, source, octets);
    source.write(randomBytes(10));
    await eventually(async () => (await show(id)).status === 'saving', {
      withinMs: 5_000,
      what: 'the image is saving',
    });
    assert.equal(
      (await ask('ann', 'PUT', `/images/${id}/file`, Buffer.from('x'), octets)).status,
      409,
    );
    await glance.mend();
    assert.equal(
      (await show(id)).status,
      'saving',
      'a running upload of this process is left alone',
    );
    await remove(id);
    source.end();
    assert.equal((await first).status, 410);
    assert.deepEqual(await keysOf(id), []);
  });

  it('gives a stalled upload up', async () => {
    const id = await queued();
    const source = new PassThrough();
    source.write('some');
    const put = await ask('ann', 'PUT', `/images/${id}/file`, source, octets);
    assert.deepEqual([put.status, (await show(id)).status, await keysOf(id)], [504, 'queued', []]);
    await remove(id);
  });

  const connect = (method: string, path: string, headers: Record<string, string | number> = {}) =>
    httpRequest({
      agent: false,
      port: server.port,
      host: '127.0.0.1',
      method,
      path: `/image/v2${path}`,
      headers: { 'x-auth-token': 'ann', ...octets, ...headers },
    });
  const answerOf = async (
    request: ReturnType<typeof connect>,
  ): Promise<{ status: number; headers: Record<string, unknown>; bytes: Buffer }> => {
    const [response] = await once(request, 'response');
    return {
      status: response.statusCode,
      headers: response.headers,
      bytes: Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>)),
    };
  };

  it('streams over a socket, chunked and with a length', async () => {
    const data = randomBytes(5_000_000);
    for (const headers of [
      { 'transfer-encoding': 'chunked' },
      { 'content-length': data.length },
    ] as Record<string, string | number>[]) {
      const id = await queued();
      const put = connect('PUT', `/images/${id}/file`, headers);
      put.end(data);
      assert.equal((await answerOf(put)).status, 204);
      const get = connect('GET', `/images/${id}/file`, { range: 'bytes=1000000-3999999' });
      get.end();
      const got = await answerOf(get);
      assert.deepEqual([got.status, got.headers['content-length']], [206, '3000000']);
      assert.ok(got.bytes.equals(data.subarray(1_000_000, 4_000_000)));
      await remove(id);
    }
  });

  it('answers an upload that is too large over a socket, instead of cutting it off', async () => {
    const id = await queued();
    const put = connect('PUT', `/images/${id}/file`, { 'transfer-encoding': 'chunked' });
    put.end(Buffer.alloc(10_500_000));
    const answer = await answerOf(put);
    assert.equal(answer.status, 413);
    assert.match(answer.bytes.toString(), /<title>413 /);
    await remove(id);
  });

  it('puts an image back to queued when the client goes away', async () => {
    const id = await queued();
    for (const headers of [
      { 'transfer-encoding': 'chunked' },
      { 'content-length': 5_000_000 },
    ] as Record<string, string | number>[]) {
      const put = connect('PUT', `/images/${id}/file`, headers);
      put.on('error', () => undefined);
      put.write(randomBytes(2_000_000));
      await eventually(async () => (await show(id)).status === 'saving', {
        withinMs: 5_000,
        what: 'the image is saving',
      });
      put.destroy();
      await eventually(async () => (await show(id)).status === 'queued', {
        withinMs: 5_000,
        what: 'the image is queued',
      });
      assert.deepEqual(await keysOf(id), []);
    }
    assert.equal(
      (await ask('ann', 'PUT', `/images/${id}/file`, Buffer.from('whole'), octets)).status,
      204,
    );
    await remove(id);
  });
});

// Glance's client: which requests it sends, and which faults Glance's refusals become.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { fault, isFault } from '#contracts/common/fault.ts';
import { itself, refusedStatus } from './call.ts';
import { glanceClient } from './glance.ts';
import { answer, httpDouble } from './http-double.testing.ts';

const image = { id: 'i1', name: 'tiny', status: 'queued' };

describe('an image', () => {
  it('is read by its id, with the bound of the caller', async () => {
    const deps = httpDouble(answer(200, image));
    const glance = glanceClient(deps, itself, { timeoutMs: 7 });
    assert.deepEqual(await glance.image('i/1'), image);
    assert.equal(deps.calls[0]?.path, '/v2/images/i%2F1');
    assert.equal(deps.calls[0].timeoutMs, 7);
  });

  const kinds = [
    [400, 'badRequest'],
    [403, 'forbidden'],
    [404, 'notFound'],
    [409, 'conflict'],
    [410, 'notFound'],
    [413, 'overQuota'],
    [500, 'unavailable'],
    [500, 'unavailable'],
  ] as const;
  for (const [status, kind] of kinds)
    it(`that is refused with ${status} is ${kind}, with the status and the answer`, async () => {
      const refusal = await glanceClient(httpDouble(answer(status, 'why')), itself).image('i1');
      assert.ok(isFault(refusal));
      assert.equal(refusal.kind, kind);
      assert.equal(refusal.message, `Glance answered ${status}: "why"`);
      assert.equal(refusedStatus(refusal), status);
      assert.equal(refusal.detail['answer'], '"why"');
    });

  it('is no refusal where Glance is away behind a proxy', async () => {
    const away = await glanceClient(httpDouble(answer(503, '<html>')), itself).image('i1');
    assert.ok(isFault(away) && away.kind === 'unavailable');
    assert.equal(refusedStatus(away), undefined);
  });

  it('is no refusal where Glance is not reached', async () => {
    const away = fault('unavailable', 'image cannot be reached');
    const outcome = await glanceClient(httpDouble(away), itself).image('i1');
    assert.equal(outcome, away);
    assert.equal(refusedStatus(away), undefined);
  });

  it('that is not there is deleted already; another refusal stays one', async () => {
    const glance = glanceClient(httpDouble(answer(404), answer(403)), itself);
    assert.equal(await glance.deleteImage('i1'), undefined);
    const refusal = await glance.deleteImage('i1');
    assert.ok(isFault(refusal) && refusal.kind === 'forbidden');
  });

  it('changes its properties by a JSON patch: null removes', async () => {
    const deps = httpDouble(answer(200, image));
    await glanceClient(deps, itself).changeProperties('i1', { 'a/b': 'x', 'c~d': null });
    assert.deepEqual(deps.calls[0]?.body, [
      { op: 'add', path: '/a~1b', value: 'x' },
      { op: 'remove', path: '/c~0d' },
    ]);
  });
});

describe('lists of images', () => {
  it('tell whether there is another page', async () => {
    const glance = glanceClient(
      httpDouble(
        answer(200, { images: [image], next: '/v2/images?marker=i1' }),
        answer(200, { images: [] }),
      ),
      itself,
    );
    const query = new URLSearchParams({ name: 'tiny' });
    assert.deepEqual(await glance.list(query), { images: [image], isLast: false });
    assert.deepEqual(await glance.list(query), { images: [], isLast: true });
  });
});

describe('the bytes of an image', () => {
  it('are sent once, even when the token is refused, and the stream is closed', async () => {
    const deps = httpDouble(answer(401, 'token'));
    const bytes = Readable.from(['abc']);
    const refusal = await glanceClient(deps, itself).upload('i1', bytes, { sizeBytes: 3 });
    assert.ok(isFault(refusal));
    assert.equal(refusedStatus(refusal), 401);
    assert.equal(deps.calls.length, 1);
    assert.equal(deps.calls[0]?.headers?.['content-length'], '3');
    assert.equal(bytes.destroyed, true);
  });

  it('are closed unread when Glance is never asked', async () => {
    const session = {
      token: async () => fault('unavailable', 'Keystone is away.'),
      renew: () => undefined,
    };
    const bytes = Readable.from(['abc']);
    const glance = glanceClient({ ...httpDouble(), session }, itself);
    assert.ok(isFault(await glance.upload('i1', bytes)));
    assert.equal(bytes.destroyed, true);
  });

  it('are asked for again with a renewed token', async () => {
    const deps = httpDouble(
      answer(401, undefined, { stream: Readable.from(['no']) }),
      answer(200, undefined, { stream: Readable.from(['abc']) }),
    );
    const bytes = await glanceClient(deps, itself).download('i1', { timeoutMs: 50 });
    assert.ok(!isFault(bytes));
    assert.equal(await text(bytes), 'abc');
    assert.equal(deps.calls[1]?.token, 'own-2');
  });

  it('are a fault when Glance refuses, and the stream of the refusal is closed', async () => {
    const page = Readable.from(['<html>']);
    const deps = httpDouble(answer(404, undefined, { stream: page }));
    const refusal = await glanceClient(deps, itself).download('i1', { timeoutMs: 50 });
    assert.ok(isFault(refusal) && refusal.kind === 'notFound');
    assert.equal(page.destroyed, true);
  });
});

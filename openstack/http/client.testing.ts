// The contract of HTTP clients between services, as tests; client.test.ts runs them against both
// drivers.
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { HttpAnswer, HttpCall, HttpClient } from './client.ts';

export interface ClientFixture {
  /** Reaches the API of face.testing.ts as the service `things`. */
  client: HttpClient;
  /** The `baseUrl` that handlers see through this client. */
  baseUrl: string;
  close(): Promise<void>;
}

/**
 * Deadline of requests that are to time out: long enough for a request to start on a busy machine,
 * and short enough for the tests that wait until it has passed.
 */
const timeoutMs = 200;

const requestId = 'req-01234567-89ab-4cde-8f01-23456789abcd';

export function clientContract(name: string, open: () => Promise<ClientFixture>): void {
  describe(`an HTTP client, ${name}`, () => {
    let fixture: ClientFixture;
    before(async () => void (fixture = await open()));
    after(async () => await fixture.close());

    const send = async (
      call: Omit<HttpCall, 'service'> & { asStream?: boolean },
    ): Promise<HttpAnswer> => {
      const answer = await fixture.client.send({ service: 'things', token: 'member', ...call });
      assert.ok(!isFault(answer), isFault(answer) ? answer.message : '');
      return answer;
    };

    it('brings path, query, token and request id there, and the answer back', async () => {
      const answer = await send({ method: 'GET', path: '/v1/things?name=a&name=b%20c', requestId });
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.body, {
        names: ['a', 'b c'],
        queryString: 'name=a&name=b%20c',
        version: 0,
        baseUrl: fixture.baseUrl,
        id: requestId,
      });
      assert.equal(answer.headers['x-openstack-request-id'], requestId);
      assert.equal(answer.stream, undefined);
    });

    it('brings headers and a JSON body there', async () => {
      const answer = await send({
        method: 'POST',
        path: '/v1/things',
        body: { name: 'Zoë' },
        headers: { 'openstack-api-version': 'things 1.7' },
      });
      assert.equal(answer.status, 201);
      assert.deepEqual(answer.body, { name: 'Zoë' });
      assert.equal(answer.headers['openstack-api-version'], 'things 1.7');
      assert.equal(answer.headers['location'], '/things/v1/things/Zo%C3%AB');
    });

    it('takes any status as an answer, not as a fault', async () => {
      for (const [path, token, status] of [
        ['/v1/things/missing', 'member', 404],
        ['/v1/things', undefined, 401],
        ['/v1/nowhere', 'member', 404],
      ] as const) {
        const answer = await fixture.client.send({
          method: 'GET',
          service: 'things',
          path,
          ...(token ? { token } : {}),
        });
        assert.equal(isFault(answer) ? answer.kind : answer.status, status, path);
      }
    });

    it('has no body for an empty answer', async () => {
      const answer = await send({ method: 'DELETE', path: '/v1/things/a' });
      assert.equal(answer.status, 204);
      assert.equal(answer.body, undefined);
    });

    it('sends a stream of bytes', async () => {
      const answer = await send({
        method: 'PUT',
        path: '/v1/files/a/b',
        headers: { 'content-type': 'application/octet-stream' },
        stream: Readable.from([Buffer.alloc(70_000), Buffer.alloc(1)]),
      });
      assert.deepEqual(answer.body, { file: 'a/b', size: 70_001 });
    });

    it('receives a stream of bytes when asked to', async () => {
      const answer = await send({ method: 'GET', path: '/v1/files/x', asStream: true });
      assert.equal(answer.body, undefined);
      let text = '';
      for await (const chunk of answer.stream ?? []) text += String(chunk);
      assert.equal(text, 'bytes of x');
    });

    it('answers JSON as a stream, too, when asked to', async () => {
      const answer = await send({ method: 'GET', path: '/v1/things/missing', asStream: true });
      assert.equal(answer.body, undefined);
      assert.equal(answer.headers['content-type'], 'application/json');
      assert.match(String(await (answer.stream ?? Readable.from([])).toArray()), /no such thing/);
    });

    it('has neither body nor stream for HEAD and for an empty answer', async () => {
      for (const [method, path] of [
        ['HEAD', '/v1/things/a'],
        ['DELETE', '/v1/things/a'],
      ] as const) {
        const answer = await send({ method, path, asStream: true });
        assert.deepEqual([answer.body, answer.stream], [undefined, undefined], method);
      }
    });

    it('shares nothing of what it sends and brings with the other side', async () => {
      const body = { list: [{ name: 'a' }] };
      const sending = send({ method: 'POST', path: '/v1/boxes', body });
      body.list.push({ name: 'added while it was sent' });
      const answer = await sending;
      assert.deepEqual(answer.body, { list: [{ name: 'a' }] });
      body.list.length = 0;
      (answer.body as typeof body).list.push({ name: 'added to the answer' });
      const { body: secondBody } = await send({ method: 'GET', path: '/v1/boxes' });
      assert.deepEqual(secondBody, { list: [{ name: 'a' }] });
    });

    it('makes of what is not JSON what JSON makes of it', async () => {
      const body = {
        date: new Date(0),
        list: [undefined, Number.NaN],
        absent: undefined,
        work: () => 1,
        map: new Map([['a', 1]]),
        zero: -0,
      } as unknown as Json; // as a careless caller might send
      const answer = await send({ method: 'POST', path: '/v1/boxes', body });
      const expected = { date: '1970-01-01T00:00:00.000Z', list: [null, null], map: {}, zero: 0 };
      assert.deepEqual(answer.body, expected);
      const { body: secondBody } = await send({ method: 'GET', path: '/v1/boxes' });
      assert.deepEqual(secondBody, expected);
    });

    it('waits as long as told for an answer', async () => {
      for (const asStream of [false, true]) {
        const late = await fixture.client.send({
          method: 'GET',
          service: 'things',
          token: 'member',
          path: '/v1/never',
          timeoutMs,
          asStream,
        });
        assert.equal(isFault(late) && late.kind, 'timeout');
      }
    });

    it('breaks a stream that it sends when the time is over', async () => {
      const stream = new PassThrough();
      stream.write('the beginning');
      const answer = await fixture.client.send({
        method: 'PUT',
        service: 'things',
        token: 'member',
        path: '/v1/files/x',
        headers: { 'content-type': 'application/octet-stream' },
        stream,
        timeoutMs,
      });
      assert.equal(isFault(answer) && answer.kind, 'timeout');
      await eventually(() => stream.destroyed, { withinMs: 5_000, what: 'the stream is broken' });
    });

    it('breaks a stream that it receives when the time is over', async () => {
      const path = '/v1/never-whole';
      const { stream } = await send({ method: 'GET', path, asStream: true, timeoutMs });
      const chunks: string[] = [];
      await assert.rejects(
        async () => {
          for await (const chunk of stream ?? []) chunks.push(String(chunk));
        },
        { name: 'TimeoutError' },
      );
      assert.deepEqual(chunks, ['the beginning']);
    });

    it('gives up an answer that it reads as JSON and that never ends', async () => {
      const answer = await fixture.client.send({
        method: 'GET',
        service: 'things',
        token: 'member',
        path: '/v1/never-whole',
        timeoutMs,
      });
      assert.equal(isFault(answer) && answer.kind, 'timeout');
    });

    it('is not harmed by a stream that fails while nobody reads it', async () => {
      const stream = createReadStream('/nonexistent/file');
      const answer = await fixture.client.send({
        method: 'PUT',
        service: 'things',
        path: '/v1/files/x',
        headers: { 'content-type': 'application/octet-stream' },
        stream,
        token: 'nobody',
      });
      await eventually(() => stream.destroyed, { withinMs: 5_000, what: 'the stream has failed' });
      assert.ok(isFault(answer) || answer.status === 401);
    });

    it('is unavailable where there is no such service', async () => {
      const answer = await fixture.client.send({ method: 'GET', service: 'dreams', path: '/' });
      assert.ok(isFault(answer) && answer.kind === 'unavailable');
      assert.match(answer.message, /dreams/);
    });
  });
}

// One request to a server outside the cloud: what counts as an answer, and what ends the request.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock } from '../clock.ts';
import { sendRequest } from './send-request.ts';
import type { OutgoingRequest } from './send-request.ts';

async function against(
  answer: RequestListener,
  request: Partial<OutgoingRequest> = {},
): Promise<Awaited<ReturnType<typeof sendRequest>>> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = new URL(`http://127.0.0.1:${port}/a/path?secret=1`);
  const limits = { timeoutMs: 300, maxAnswerBytes: 1_000 };
  try {
    return await sendRequest({ method: 'GET', url, ...limits, ...request }, systemClock);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('every status is an answer, a redirect too, and its body is bytes', async () => {
  for (const status of [200, 204, 302, 404, 503]) {
    const answer = await against((_request, response) => {
      response.writeHead(status, { location: 'http://192.0.2.1/', 'x-a': 'b' });
      response.end(status === 204 ? undefined : 'text');
    });
    assert.ok(!isFault(answer) && answer.status === status && answer.headers['x-a'] === 'b');
    assert.equal(answer.body.toString(), status === 204 ? '' : 'text');
  }
});

test('a body is sent with its length in bytes', async () => {
  const answer = await against(
    (request, response) => {
      request.on('data', (chunk: Buffer) => response.write(chunk));
      request.on('end', () => response.end(request.headers['content-length']));
    },
    { method: 'POST', body: 'größer' },
  );
  assert.ok(!isFault(answer) && answer.body.toString() === 'größer8');
});

test('an answer ends in time and in size, and the fault does not tell the query', async () => {
  const drip = await against((_request, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('.'), 20);
    response.on('close', () => clearInterval(timer));
  });
  assert.ok(isFault(drip) && drip.kind === 'timeout');
  const long = await against((_request, response) => void response.end('x'.repeat(1_001)));
  assert.ok(isFault(long) && long.kind === 'unavailable' && /longer than 1000/.test(long.message));
  const short = await against((_request, response) => void response.end('x'.repeat(1_000)));
  assert.ok(!isFault(short));
  const cut = await against((_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('x');
    systemClock.after(20, () => response.destroy());
  });
  assert.ok(isFault(cut) && cut.kind === 'unavailable');
  for (const fault of [drip, long, cut]) assert.ok(!fault.message.includes('secret'));
});

test('a refused connection is the fault unavailable', async () => {
  const url = new URL('http://127.0.0.1:1/');
  const limits = { timeoutMs: 1_000, maxAnswerBytes: 1_000 };
  const refusal = await sendRequest({ method: 'GET', url, ...limits }, systemClock);
  assert.ok(
    isFault(refusal) && refusal.kind === 'unavailable' && /ECONNREFUSED/.test(refusal.message),
  );
});

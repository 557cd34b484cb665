// The REST client against unusual responses. Tests against a complete filer:
// test/storage/ontap-*.test.ts.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Fault } from '#contracts/common/fault.ts';
import { systemIds } from '#platform/ids.ts';
import { Secret, silentLog } from '#platform/log.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import type { OntapRest } from './ontap-rest.ts';
import { createOntapRest } from './ontap-rest.ts';

const flexVol = { uuid: 'u', name: 'vol' };

/** Runs `work` against a server that gives every request the same response. */
async function against(
  status: number,
  body: object,
  work: (rest: OntapRest, requests: string[]) => Promise<void>,
): Promise<void> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.writeHead(status).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    user: 'u',
    password: new Secret('p'),
  };
  const rest = createOntapRest({
    address,
    clock: createFakeClock({ movedBy: 'sleeps' }),
    ids: systemIds,
    log: silentLog,
  });
  try {
    await work(rest, requests);
  } finally {
    rest.close();
    server.close();
  }
}
const kindOf = (outcome: unknown): string => (outcome instanceof Fault ? outcome.kind : 'no fault');

test('the next page is followed nowhere but on the filer, and not for ever', async () => {
  await against(
    200,
    { records: [], _links: { next: { href: 'https://elsewhere.example/api/x' } } },
    async (rest, requests) => {
      assert.equal(kindOf(await rest.files(flexVol, '*')), 'unavailable');
      assert.equal(requests.length, 1);
    },
  );
  await against(200, { records: [], _links: { next: { href: '/api/same' } } }, async (rest) =>
    assert.equal(kindOf(await rest.files(flexVol, '*')), 'unavailable'),
  );
});

test('an answer without what it should hold is unavailable', async () => {
  await against(200, {}, async (rest) => {
    assert.deepEqual(
      [
        kindOf(await rest.files(flexVol, '*')),
        kindOf(await rest.file(flexVol, 'f')),
        kindOf(await rest.flexVol('svm', 'vol')),
      ],
      ['unavailable', 'unavailable', 'unavailable'],
    );
  });
});

test('dots and slashes of a name are encoded', async () => {
  await against(
    404,
    { error: { code: '6684674', message: 'No such file or directory.' } },
    async (rest, requests) => {
      assert.equal(kindOf(await rest.file(flexVol, 'a.b/c')), 'notFound');
      assert.match(requests[0] ?? '', /^GET \/api\/storage\/volumes\/u\/files\/a%2Eb%2Fc\?/);
    },
  );
});

test('a definite refusal is not retried, a temporary failure is', async () => {
  await against(
    500,
    { error: { code: '6684674', message: 'No such file or directory.' } },
    async (rest, requests) => {
      assert.equal(await rest.deleteFile(flexVol, 'f'), undefined);
      assert.equal(requests.length, 1);
    },
  );
  await against(429, {}, async (rest, requests) => {
    assert.equal(kindOf(await rest.deleteFile(flexVol, 'f')), 'unavailable');
    assert.equal(requests.length, 3);
  });
  await against(503, {}, async (rest, requests) => {
    assert.equal(
      kindOf(await rest.cloneFile(flexVol, { from: 'a', to: 'b', overwrite: false })),
      'unavailable',
    );
    assert.equal(requests.length, 1, 'a change is not repeated');
  });
});

// What HTTP requires of every service, in that service's format: Allow with 405, OPTIONS, HEAD,
// Accept, paths that cannot be decoded.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { Answer, ApiCloud, Loose } from './api-cloud.ts';
import { startApiCloud } from './api-cloud.ts';

let cloud: ApiCloud;
before(async () => void (cloud = await startApiCloud({ cortex: true })));
after(async () => await cloud.stop());

/** How each service formats a fault with this status. */
const services: readonly {
  name: string;
  list: string;
  allow: string;
  one: string;
  words(answer: Answer, code: number): void;
}[] = [
  {
    name: 'nova',
    list: '/compute/v2.1/servers',
    one: '/compute/v2.1/servers/',
    allow: 'GET, HEAD, POST, OPTIONS',
    words: ({ json }, code) =>
      assert.deepEqual(
        Object.values(json as Record<string, Loose>).map((inner) => inner.code),
        [code],
      ),
  },
  {
    name: 'cinder',
    list: '/volume/v3/volumes',
    one: '/volume/v3/volumes/',
    allow: 'GET, HEAD, POST, OPTIONS',
    words: ({ json }, code) =>
      assert.deepEqual(
        Object.values(json as Record<string, Loose>).map((inner) => inner.code),
        [code],
      ),
  },
  {
    name: 'keystone',
    list: '/identity/v3/users',
    one: '/identity/v3/users/',
    allow: 'GET, HEAD, POST, OPTIONS',
    words: ({ json }, code) => assert.equal(json.error.code, code),
  },
  {
    name: 'neutron',
    list: '/network/v2.0/networks',
    one: '/network/v2.0/networks/',
    allow: 'GET, HEAD, POST, OPTIONS',
    words: ({ json }) => assert.equal(typeof json.NeutronError.type, 'string'),
  },
  {
    name: 'glance',
    list: '/image/v2/images',
    one: '/image/v2/images/',
    allow: 'GET, HEAD, POST, OPTIONS',
    words: ({ text }, code) => assert.match(text, new RegExp(`<title>${code} `)),
  },
  {
    name: 'placement',
    list: '/placement/resource_providers',
    one: '/placement/resource_providers/',
    allow: 'GET, HEAD, POST, OPTIONS',
    words: ({ json }, code) => assert.equal(json.errors[0].status, code),
  },
];

for (const { name, list, one, allow, words } of services) {
  describe(`${name} answers`, () => {
    const ask = async (
      method: HttpMethod,
      path: string,
      headers: Record<string, string> = {},
    ): Promise<Answer> => await cloud.ask(cloud.admin, method, path, { headers });
    it('405 with what is allowed', async () => {
      const answer = await ask('PATCH', list);
      assert.deepEqual([answer.status, answer.headers.get('allow')], [405, allow]);
      words(answer, 405);
    });
    it('OPTIONS with the same', async () => {
      const answer = await ask('OPTIONS', list);
      assert.deepEqual([answer.status, answer.headers.get('allow'), answer.text], [200, allow, '']);
      words(await ask('OPTIONS', `${list}/x/y/z/nothing`), 404);
    });
    it('HEAD as GET, without the body', async () => {
      const [head, get] = [await ask('HEAD', list), await ask('GET', list)];
      assert.deepEqual(
        [head.status, head.text, head.headers.get('content-type')],
        [200, '', get.headers.get('content-type')],
      );
    });
    it('404 for paths that nobody knows or can decode', async () => {
      for (const path of [`${list}/x/y/z/nothing`, `${one}%`, `${one}%zz`, `${one}%2`]) {
        const answer = await ask('GET', path);
        assert.ok([404, 400].includes(answer.status), `${path}: ${answer.status}`);
        words(answer, answer.status);
      }
    });
    it('400 for paths and queries that are no UTF-8', async () => {
      for (const path of [`${one}%ff`, `${one}%ed%a0%80`, `${list}?name=%c3%28`]) {
        const answer = await ask('GET', path);
        assert.equal(answer.status, 400, path);
        words(answer, 400);
      }
    });
    it('406 to who takes no JSON, where upstream does; JSON elsewhere', async () => {
      const answer = await ask('GET', list, { accept: 'application/xml' });
      assert.equal(answer.status, name === 'placement' ? 406 : 200);
      if (answer.status === 406) words(answer, 406);
      assert.equal((await ask('GET', list, { accept: 'text/html, */*;q=0.1' })).status, 200);
    });
  });
}

describe('a password', () => {
  it('that is no text is refused, so that another cannot pass for it', async () => {
    const login = (escape: string): string =>
      `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"x","domain":{"id":"default"},"password":"${escape}abc"}}}}}`;
    const make = await cloud.ask(cloud.admin, 'POST', '/identity/v3/users', {
      raw: '{"user":{"name":"odd","domain_id":"default","password":"\\ud800abc"}}',
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(make.status, 400, make.text);
    for (const escape of ['\\ud800', '\\ud801'])
      assert.equal(
        (
          await cloud.ask(null, 'POST', '/identity/v3/auth/tokens', {
            raw: login(escape),
            headers: { 'content-type': 'application/json' },
          })
        ).status,
        400,
      );
  });
});

// Tests that hold for every route of Nova. They read the table of routes, so a new route is covered
// without a new test.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Route } from '#openstack/http/route.ts';
import type { NovaFixture } from './nova-api.testing.ts';
import { startNova } from './nova-api.testing.ts';
import { policies } from './policies.ts';

let nova: NovaFixture;
let routes: readonly Route[];
before(async () => {
  nova = await startNova();
  routes = nova.roles.api.http
    .flatMap((face) => face.routes)
    .filter(({ path }) => path.startsWith('/v2.1/'));
});
after(async () => await nova.close());

const adminOnly = (route: Route): boolean =>
  route.policy !== null && policies[route.policy] === 'rule:context_is_admin';
const requestFor = ({ path, since, until }: Route): [string, { version: number }] => [
  path.slice('/v2.1/'.length).replace(/:\w+/g, 'x'),
  { version: since ?? Math.min(until ?? 1, 1) },
];

describe('every route', () => {
  it('is seen by this test', () => assert.ok(routes.length > 70, `${routes.length} routes`));
  it('wants a token', async () => {
    for (const route of routes.filter(({ auth }) => auth !== 'none')) {
      const [path, version] = requestFor(route);
      assert.equal(
        (await nova.ask(null, route.method, path, version)).status,
        401,
        `${route.method} ${route.path}`,
      );
    }
  });
  it('of administrators is refused to members, before its body is read', async () => {
    const theirs = routes.filter(adminOnly);
    assert.ok(theirs.length > 30, `${theirs.length} routes`);
    for (const route of theirs) {
      const [path, version] = requestFor(route);
      assert.equal(
        (await nova.ask('member', route.method, path, version)).status,
        403,
        `${route.method} ${route.path}`,
      );
    }
  });
  it('that changes something is refused to readers', async () => {
    // Except keypairs: they belong to the user, whose role in the project does not matter, as
    // upstream.
    for (const route of routes.filter(
      ({ method, path, faults }) =>
        method !== 'GET' &&
        !faults?.includes('gone') &&
        !path.startsWith('/v2.1/os-keypairs') &&
        !path.endsWith('/action'),
    )) {
      const [path, version] = requestFor(route);
      assert.equal(
        (await nova.ask('reader', route.method, path, version)).status,
        403,
        `${route.method} ${route.path}`,
      );
    }
  });
});

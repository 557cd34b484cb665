// For every route of every service, and every server action: without a valid token it is refused,
// and it discloses nothing to a member of another project. The tables are checked by set
// difference: a route without a row fails here, and so does a row without a route.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { Route } from '#openstack/http/route.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { admin } from '#services/nova/api/policy-rules.ts';
import { serverActions } from '#services/nova/api/server-actions/table.ts';
import type { ApiCloud, Answer, Sending } from './api-cloud.ts';
import { hidden, password, startApiCloud } from './api-cloud.ts';
import type { Objects, OwnCase, RouteCases } from './cases/case.ts';
import { concrete, expand } from './cases/case.ts';
import { cinder } from './cases/cinder.ts';
import { cortex } from './cases/cortex.ts';
import { glance } from './cases/glance.ts';
import { ha } from './cases/ha.ts';
import { keystone } from './cases/keystone.ts';
import { masakari } from './cases/masakari.ts';
import { neutron } from './cases/neutron.ts';
import { nova } from './cases/nova.ts';
import { placement } from './cases/placement.ts';
import { makeObjects } from './make-objects.ts';

/**
 * Routes that need no token: version documents, and those that exchange a password for a token or
 * for another password.
 */
const openRoutes = [
  'GET /identity/',
  'GET /identity/v3',
  'POST /identity/v3/auth/tokens',
  'POST /identity/v3/users/:user_id/password',
  'GET /image/',
  'GET /image/versions',
  'GET /image/v2',
  'GET /placement/',
  'GET /network/',
  'GET /volume/',
  'GET /volume/v3',
  'GET /compute/',
  'GET /compute/v2',
  'GET /compute/v2.1',
  'GET /instance-ha/',
  'GET /instance-ha/v1',
  // Authenticated by a secret of the host's HA Agent instead of a token.
  'POST /ha/api/hosts/:host/heartbeats',
];

/** A value that the schema of each action accepts. */
const actionValues: Readonly<Record<string, Json>> = {
  'os-start': null,
  'os-stop': null,
  reboot: { type: 'HARD' },
  pause: null,
  unpause: null,
  suspend: null,
  resume: null,
  rescue: null,
  unrescue: null,
  rebuild: { imageRef: '' },
  shelve: null,
  shelveOffload: null,
  unshelve: null,
  'os-migrateLive': { host: null, block_migration: true, disk_over_commit: false },
  lock: null,
  unlock: null,
  'os-resetState': { state: 'active' },
  'os-getConsoleOutput': {},
  'os-getVNCConsole': { type: 'novnc' },
  forceDelete: null,
  addSecurityGroup: { name: 'default' },
  removeSecurityGroup: { name: 'default' },
  addFixedIp: { networkId: 'none' },
  removeFixedIp: { address: '10.0.0.9' },
  addFloatingIp: { address: '10.0.0.9' },
  removeFloatingIp: { address: '10.0.0.9' },
  createImage: { name: 'image' },
  createBackup: { name: 'backup', backup_type: 'daily', rotation: 1 },
  resetNetwork: null,
  injectNetworkInfo: null,
  resize: { flavorRef: '84' },
  confirmResize: null,
  revertResize: null,
  migrate: null,
  evacuate: { onSharedStorage: false },
};
/** Alice's server has no interface: her call reaches the server, and gets this status for that. */
const withoutInterface: Readonly<Record<string, number>> = {
  addSecurityGroup: 202,
  removeSecurityGroup: 404,
  addFixedIp: 400,
  removeFixedIp: 400,
  addFloatingIp: 404,
  removeFloatingIp: 404,
};
/** Actions that upstream has removed from the API: 410 for callers who may see the server. */
const removed: Readonly<Record<string, number>> = { resetNetwork: 410, injectNetworkInfo: 410 };
/** The server's host is up: an administrator's call reaches the server, and gets 400 for that. */
const onLivingHost = { evacuate: 400 } as Readonly<Record<string, number>>;
/**
 * Status of a console request for a simulated guest, which has no screen, to callers who may use
 * it.
 */
const screenless = 503;
let cloud: ApiCloud;
let objects: Objects;
let routes: { key: string; mount: string; definition: Route }[];
const tables: readonly RouteCases[] = [
  keystone,
  glance,
  placement,
  nova,
  neutron,
  cinder,
  cortex,
  ha,
  masakari,
];

describe('every route', () => {
  before(async () => {
    cloud = await startApiCloud({ cortex: true });
    objects = await makeObjects(cloud);
    routes = cloud.plane.apis.flatMap(({ mount, routes: all }) =>
      all.map((definition) => ({
        key: `${definition.method} ${mount}${definition.path}`,
        mount,
        definition,
      })),
    );
  });
  after(async () => await cloud.stop());

  it('is open only where the list says so', () => {
    assert.deepEqual(
      routes
        .filter(({ definition }) => definition.auth === 'none')
        .map(({ key }) => key)
        .sort(),
      [...openRoutes].sort(),
    );
  });

  it("answers 401 in Keystone's words without a token, with a broken, a foreign, a revoked and an expired one", async () => {
    const revoked = await cloud.token('bob', 'bobs-project', password);
    assert.equal((await cloud.ask(revoked, 'GET', '/image/v2/images')).status, 200);
    assert.equal(
      (
        await cloud.ask(cloud.bob, 'DELETE', '/identity/v3/auth/tokens', {
          headers: { 'x-subject-token': revoked },
        })
      ).status,
      204,
    );
    const expired = await expiredToken();
    const tokens = {
      'an expired token': expired,
      'no token': null,
      'a broken token': `${cloud.alice.token.slice(0, -8)}AAAAAAA=`,
      'no token of ours': 'gAAAAA',
      'a revoked token': revoked,
    };
    for (const { key, definition } of routes.filter(
      ({ definition: { auth } }) => auth !== 'none',
    )) {
      for (const [what, token] of Object.entries(tokens)) {
        const answer = await cloud.ask(
          token,
          definition.method,
          concrete(key.slice(definition.method.length + 1), objects),
          { version: versionOf(definition) },
        );
        assert.equal(answer.status, 401, `${key} with ${what}`);
        assert.equal(
          answer.headers.get('www-authenticate'),
          'Keystone uri="http://sim/identity/v3"',
          key,
        );
        if (definition.method !== 'HEAD')
          assert.deepEqual(
            answer.json,
            {
              error: {
                code: 401,
                title: 'Unauthorized',
                message: 'The request you have made requires authentication.',
              },
            },
            `${key} with ${what}`,
          );
      }
    }
  });

  it('stands in exactly one table', () => {
    const rows = tables.flatMap(({ mount, own, adminsOnly, nobodys }) =>
      [
        ...Object.keys(own),
        ...adminsOnly.flatMap(expand),
        ...Object.values(nobodys).flat().flatMap(expand),
      ].map((row) => row.replace(' ', ` ${mount}`)),
    );
    const routeKeys = new Set(routes.map(({ key }) => key));
    assert.deepEqual(
      [...routeKeys].filter((key) => !rows.includes(key)),
      [],
      'routes in no table',
    );
    assert.deepEqual(
      rows.filter((row) => !routeKeys.has(row)),
      [],
      'rows for no route',
    );
    assert.deepEqual(
      rows.filter((row, index) => rows.indexOf(row) !== index),
      [],
      'rows twice',
    );
  });

  for (const { mount, own, adminsOnly, nobodys } of tables) {
    it(`of ${mount} keeps a project's objects from another project's member, and lets their owner reach them`, async () => {
      for (const [row, wanted] of Object.entries(own)) {
        const answer = await call(cloud.bob, mount, row, wanted);
        assert.equal(answer.status, wanted.bob ?? 404, `${row} as Bob: ${answer.text}`);
        tellsNothing(row, answer);
      }
      for (const [row, wanted] of Object.entries(own)) {
        const { status, text } = await call(cloud.alice, mount, row, wanted);
        assert.ok(
          wanted.alice === undefined ? status < 300 || status === 409 : status === wanted.alice,
          `${row} as Alice: ${status} ${text}`,
        );
      }
    });

    it(`of ${mount} that is for admins is refused to members`, async () => {
      for (const row of adminsOnly.flatMap(expand)) {
        const answer = await call(cloud.bob, mount, row);
        assert.equal(answer.status, 403, `${row}: ${answer.text}`);
        tellsNothing(row, answer);
      }
    });

    it(`of ${mount} that names no project's object tells nothing of another project`, async () => {
      for (const row of Object.values(nobodys).flat().flatMap(expand)) {
        const answer = await call(cloud.bob, mount, row);
        if (row.startsWith('GET'))
          assert.ok(
            [200, 300, 404, 410].includes(answer.status),
            `${row}: ${answer.status} ${answer.text}`,
          );
        tellsNothing(row, answer);
      }
    });
  }
});

describe('every server action', () => {
  let serverId: string;
  before(async () => {
    cloud = await startApiCloud();
    objects = new Map();
    const { server } = await cloud.sure(cloud.alice, 'POST', '/compute/v2.1/servers', {
      server: { name: hidden, flavorRef: '42', imageRef: cloud.imageId },
    });
    serverId = server.id;
    await eventually(
      async () =>
        (await cloud.sure(cloud.alice, 'GET', `/compute/v2.1/servers/${serverId}`)).server
          .status === 'ACTIVE',
      { withinMs: 20_000, what: 'the server is ACTIVE' },
    );
  });
  after(async () => await cloud.stop());

  it('has a case', () =>
    assert.deepEqual(Object.keys(actionValues).sort(), serverActions.map(({ key }) => key).sort()));

  const [last, others] = [
    serverActions.filter(({ key }) => key === 'forceDelete'),
    serverActions.filter(({ key }) => key !== 'forceDelete'),
  ];
  for (const { key, since, until, policy } of [...others, ...last]) {
    it(`${key} is refused without a token and to another project, and reaches its owner's server`, async () => {
      const path = `/compute/v2.1/servers/${serverId}/action`;
      const body = {
        [key]: key === 'rebuild' ? { imageRef: cloud.imageId } : (actionValues[key] ?? null),
      };
      const version = since ?? Math.min(until ?? 1, 1);
      assert.equal((await cloud.ask(null, 'POST', path, { body })).status, 401);
      const isForAdmins = policy?.default === admin;
      const bobs = await cloud.ask(cloud.bob, 'POST', path, { body, version });
      assert.equal(bobs.status, isForAdmins ? 403 : 404, bobs.text);
      tellsNothing(key, bobs);
      const { status, text } = await cloud.ask(
        isForAdmins ? cloud.admin : cloud.alice,
        'POST',
        path,
        { body, version },
      );
      assert.ok(
        status < 300 ||
          status === 409 ||
          status === withoutInterface[key] ||
          status === removed[key] ||
          status === onLivingHost[key] ||
          (key === 'os-getVNCConsole' && status === screenless),
        `${status} ${text}`,
      );
    });
  }
});

/** A token of an application credential that expires right after the token was created. */
async function expiredToken(): Promise<string> {
  const expiresAt = new Date(Date.now() + 1500).toISOString().replace('Z', '');
  const {
    application_credential: { id, secret },
  } = await cloud.sure(
    cloud.bob,
    'POST',
    `/identity/v3/users/${cloud.bob.userId}/application_credentials`,
    { application_credential: { name: 'short-lived', expires_at: expiresAt } },
  );
  const answer = await cloud.ask(null, 'POST', '/identity/v3/auth/tokens', {
    body: {
      auth: {
        identity: { methods: ['application_credential'], application_credential: { id, secret } },
      },
    },
  });
  const token = answer.headers.get('x-subject-token') ?? '';
  assert.equal((await cloud.ask(token, 'GET', '/image/v2/images')).status, 200);
  await eventually(async () => (await cloud.ask(token, 'GET', '/image/v2/images')).status === 401, {
    withinMs: 5000,
    what: 'the token is expired',
  });
  return token;
}

const versionOf = ({ since, until }: Route): number | undefined => since ?? until;

async function call(
  who: ApiCloud['bob'],
  mount: string,
  row: string,
  { body, headers, query }: OwnCase = {},
): Promise<Answer> {
  const [method = '', template = ''] = row.split(' ');
  const route = routes.find(({ key }) => key === `${method} ${mount}${template}`);
  assert.ok(route, row);
  const sending: Sending = { version: versionOf(route.definition) };
  if (body !== undefined)
    sending.body = typeof body === 'function' ? body(cloud.alice, objects) : body;
  if (headers !== undefined)
    sending.headers = typeof headers === 'function' ? headers(cloud.alice, objects) : headers;
  return await cloud.ask(
    who,
    route.definition.method,
    concrete(`${mount}${template}`, objects) + (query?.(cloud.alice) ?? ''),
    sending,
  );
}

function tellsNothing(row: string, { text }: Answer): void {
  assert.ok(!text.includes(hidden), `${row} tells Bob what is Alice's: ${text}`);
}

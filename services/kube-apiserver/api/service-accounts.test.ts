// Tokens of service accounts, and the default roles.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { systemClock } from '#platform/clock.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestApiserver } from './apiserver.testing.ts';
import { patches, startTestApiserver, untilFurnished } from './apiserver.testing.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const accounts = '/api/v1/namespaces/default/serviceaccounts';
const maps = '/api/v1/namespaces/default/configmaps';

describe('service accounts', () => {
  let kube: TestApiserver;
  let [number, aheadMs] = [0, 0];
  let name: string;
  before(async () => {
    kube = await startTestApiserver({
      clock: { ...systemClock, now: () => systemClock.now() + aheadMs },
    });
    await untilFurnished(kube);
  });
  after(async () => await kube.close());
  beforeEach(async () => {
    name = `a${(number += 1)}`;
    await kube.must('POST', accounts, { body: { metadata: { name } } });
  });

  const tokenOf = async (spec: object = {}): Promise<string> =>
    (await kube.must('POST', `${accounts}/${name}/token`, { body: { spec } }))['status'].token;
  const by = async (token: string, path = maps) =>
    await kube.ask('GET', path, { user: '', headers: { authorization: `Bearer ${token}` } });
  const claimsOf = (token: string) =>
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  const bind = async (to: string) =>
    await kube.must('POST', `${rbac}/namespaces/default/rolebindings`, {
      body: {
        metadata: { name },
        subjects: [{ kind: 'ServiceAccount', name, namespace: 'default' }],
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: to },
      },
    });

  it('have tokens with the claims of upstream, and the rights of their roles', async () => {
    const token = await tokenOf({ expirationSeconds: 900 });
    const { metadata } = await kube.must('GET', `${accounts}/${name}`);
    const { iat, exp, nbf, jti, ...claims } = claimsOf(token);
    assert.deepEqual(claims, {
      aud: ['https://kubernetes.default.svc.cluster.local'],
      iss: 'https://kubernetes.default.svc.cluster.local',
      'kubernetes.io': {
        namespace: 'default',
        serviceaccount: { name, uid: metadata.uid },
      },
      sub: `system:serviceaccount:default:${name}`,
    });
    assert.deepEqual([exp - iat, nbf], [900, iat]);
    assert.match(jti, /^[0-9a-f-]{36}$/);
    assert.equal((await by(token)).status, 403);
    await bind('view');
    assert.equal((await by(token)).status, 200);
    assert.equal((await by(token, '/api/v1/configmaps')).status, 403);
  });

  it('whose token is forged, altered or for others are nobody', async () => {
    const token = await tokenOf();
    await bind('view');
    const [head = '', body = '', signature = ''] = token.split('.');
    const other = Buffer.from(
      JSON.stringify({ ...claimsOf(token), sub: 'system:serviceaccount:kube-system:default' }),
    ).toString('base64url');
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    for (const each of [
      '',
      'x',
      '..',
      `${head}.${body}.`,
      `${none}.${body}.`,
      `${head}.${other}.${signature}`,
      `${head}.${body}.${'A'.repeat(86)}`,
      `${token}.x`,
      await tokenOf({ audiences: ['vault'] }),
    ])
      assert.equal((await by(each)).status, 401, each.slice(0, 60));
    assert.equal((await by(token)).status, 200);
  });

  it('that are gone, or made again, have no tokens any more; so has what one is bound to', async () => {
    const secrets = '/api/v1/namespaces/default/secrets';
    await kube.must('POST', secrets, { body: { metadata: { name } } });
    await bind('view');
    const token = await tokenOf();
    const bound = await tokenOf({ boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name } });
    assert.deepEqual([(await by(token)).status, (await by(bound)).status], [200, 200]);
    await kube.must('DELETE', `${secrets}/${name}`);
    assert.deepEqual([(await by(token)).status, (await by(bound)).status], [200, 401]);
    await kube.must('DELETE', `${accounts}/${name}`);
    assert.equal((await by(token)).status, 401);
    await kube.must('POST', accounts, { body: { metadata: { name } } });
    assert.equal((await by(token)).status, 401);
  });

  it('have tokens that end', async () => {
    const token = await tokenOf({ expirationSeconds: 600 });
    assert.equal((await by(token)).status, 403);
    aheadMs += 620_000;
    assert.equal((await by(token)).status, 401);
  });

  it('are asked for no time, object or account that is not there', async () => {
    const refused = async (spec: unknown, of = name): Promise<number> =>
      (await kube.ask('POST', `${accounts}/${of}/token`, { body: { spec } })).status;
    assert.equal(await refused({ expirationSeconds: 5 }), 422);
    assert.equal(await refused({ expirationSeconds: 1e300 }), 422);
    assert.equal(await refused({ expirationSeconds: 'x' }), 422);
    assert.equal(await refused({ audiences: [5] }), 422);
    assert.equal(await refused({ boundObjectRef: { kind: '__proto__', name: 'x' } }), 422);
    assert.equal(await refused({ boundObjectRef: { kind: 'Secret', name: 'x' } }), 404);
    assert.equal(await refused({}, 'nobody'), 404);
    assert.equal((await kube.ask('GET', `${accounts}/${name}/token`)).status, 405);
  });

  it('are told by a TokenReview', async () => {
    const token = await tokenOf({ audiences: ['vault', 'db'] });
    const review = async (spec: object) =>
      (await kube.must('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { body: { spec } }))[
        'status'
      ];
    const tokenReview = await review({ token, audiences: ['vault', 'other'] });
    assert.equal(tokenReview.authenticated, true);
    assert.deepEqual(tokenReview.audiences, ['vault']);
    assert.equal(tokenReview.user.username, `system:serviceaccount:default:${name}`);
    assert.equal((await review({ token })).authenticated, false);
    assert.equal((await review({ token: 5 })).authenticated, false);
  });

  it('view reads no secrets, edit writes and makes no roles, admin grants what it has', async () => {
    const secrets = '/api/v1/namespaces/default/secrets';
    const roles = `${rbac}/namespaces/default/roles`;
    const can = async (path: string, body?: object) =>
      (
        await kube.ask(body ? 'POST' : 'GET', path, {
          user: name,
          ...(body ? { body } : {}),
        })
      ).status;
    const rule = { apiGroups: [''], resources: ['secrets'], verbs: ['get'] };
    const results: Record<string, number[]> = {};
    for (const role of ['view', 'edit', 'admin']) {
      await kube.must('POST', `${rbac}/namespaces/default/rolebindings`, {
        body: {
          metadata: { name: `${name}-${role}` },
          subjects: [{ kind: 'User', name }],
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
        },
      });
      results[role] = [
        await can(maps),
        await can(secrets),
        await can(maps, { metadata: { name: `${name}-${role}` } }),
        await can(roles, { metadata: { name: `${name}-${role}` }, rules: [rule] }),
        await can(roles, {
          metadata: { name: `${name}-${role}-more` },
          rules: [{ ...rule, resources: ['nodes'] }],
        }),
      ];
    }
    assert.deepEqual(results, {
      view: [200, 403, 403, 403, 403],
      edit: [200, 200, 201, 403, 403],
      admin: [200, 200, 201, 201, 403],
    });
  });

  it('a role with the label of an aggregated one becomes a part of it, and leaves it', async () => {
    const ofView = async (): Promise<string> =>
      JSON.stringify((await kube.must('GET', `${rbac}/clusterroles/view`))['rules']);
    await kube.must('POST', `${rbac}/clusterroles`, {
      body: {
        metadata: {
          name,
          labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' },
        },
        rules: [{ apiGroups: ['kvm.cloud.sap'], resources: ['hypervisors'], verbs: ['get'] }],
      },
    });
    await eventually(async () => (await ofView()).includes('hypervisors'), {
      withinMs: 5_000,
      what: 'it is a part',
    });
    await kube.must('PATCH', `${rbac}/clusterroles/${name}`, {
      type: patches.merge,
      body: { metadata: { labels: null } },
    });
    await eventually(async () => !(await ofView()).includes('hypervisors'), {
      withinMs: 5_000,
      what: 'it is a part no more',
    });
  });
});

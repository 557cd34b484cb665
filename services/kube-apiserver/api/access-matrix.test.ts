// Every role against every kind of request: verbs, subresources, resource names, and attempts to
// gain rights in a roundabout way.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { TestApiserver } from './apiserver.testing.ts';
import { patches, startWidgetServer, widgets } from './apiserver.testing.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';

/** Each user is bound to a role that consists of this one rule. */
const roles: Record<string, { verbs: string[]; resources: string[]; resourceNames?: string[] }> = {
  reader: { verbs: ['get', 'list', 'watch'], resources: ['widgets'] },
  lister: { verbs: ['list'], resources: ['widgets'] },
  writer: { verbs: ['create', 'update', 'patch'], resources: ['widgets'] },
  remover: { verbs: ['delete', 'deletecollection'], resources: ['widgets'] },
  status: { verbs: ['*'], resources: ['widgets/status'] },
  scaler: { verbs: ['*'], resources: ['*/scale'] },
  one: { verbs: ['get', 'watch', 'list', 'patch'], resources: ['widgets'], resourceNames: ['w'] },
};

const requests: Record<string, [HttpMethod, string, object?]> = {
  get: ['GET', `${widgets}/w`],
  'get other': ['GET', `${widgets}/v`],
  list: ['GET', widgets],
  'list one': ['GET', `${widgets}?fieldSelector=metadata.name%3Dw`],
  'list other': ['GET', `${widgets}?fieldSelector=metadata.name%3Dv`],
  watch: ['GET', `${widgets}?watch=1`],
  'watch yes': ['GET', `${widgets}?watch=T`],
  'watch one': ['GET', `${widgets}?watch=true&fieldSelector=metadata.name=w`],
  create: ['POST', widgets, { metadata: { name: 'w' }, spec: { size: 1 } }],
  patch: ['PATCH', `${widgets}/w`, {}],
  'patch other': ['PATCH', `${widgets}/v`, {}],
  delete: ['DELETE', `${widgets}/w?dryRun=All`],
  deletecollection: ['DELETE', `${widgets}?dryRun=All`],
  'get status': ['GET', `${widgets}/w/status`],
  'patch status': ['PATCH', `${widgets}/w/status`, {}],
  'delete status': ['DELETE', `${widgets}/w/status`],
  'watch status': ['GET', `${widgets}/w/status?watch=1`],
  'post status': ['POST', `${widgets}/w/status`, {}],
  'get scale': ['GET', `${widgets}/w/scale`],
  'patch scale': ['PATCH', `${widgets}/w/scale`, {}],
  'delete scale': ['DELETE', `${widgets}/w/scale`],
};

/** The requests that each user may make; all others are 403. */
const allowed: Record<string, string[]> = {
  reader: ['get', 'get other', 'list', 'list one', 'list other', 'watch', 'watch yes', 'watch one'],
  lister: ['list', 'list one', 'list other'],
  writer: ['create', 'patch', 'patch other'],
  remover: ['delete', 'deletecollection'],
  status: ['get status', 'patch status', 'delete status', 'watch status', 'post status'],
  scaler: ['get scale', 'patch scale', 'delete scale'],
  one: ['get', 'list one', 'watch one', 'patch'],
};

/** Verbs that the subresource does not serve: 405 even for users with rights to it. */
const unserved = ['delete status', 'watch status', 'post status', 'delete scale'];

describe('the matrix of access', () => {
  let kube: TestApiserver;
  before(async () => {
    kube = await startWidgetServer();
    for (const name of ['w', 'v'])
      await kube.must('POST', widgets, { body: { metadata: { name }, spec: { size: 1 } } });
    for (const [user, rule] of Object.entries(roles)) await bind(user, [rule]);
  });
  after(async () => await kube.close());

  /** Creates a role with `rules` in the namespace `default` and binds the user to it. */
  async function bind(user: string, rules: object[]): Promise<void> {
    const namespaced = `${rbac}/namespaces/default`;
    await kube.must('POST', `${namespaced}/roles`, {
      body: {
        metadata: { name: user },
        rules: rules.map((rule) => ({ apiGroups: ['example.org'], ...rule })),
      },
    });
    await kube.must('POST', `${namespaced}/rolebindings`, {
      body: {
        metadata: { name: user },
        subjects: [{ kind: 'User', name: user }],
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: user },
      },
    });
  }

  it('lets each user do what its role says, and nothing else', async () => {
    for (const user of Object.keys(roles))
      for (const [what, [method, path, body]] of Object.entries(requests)) {
        const { status } = await kube.ask(method, path, {
          user,
          ...(body ? { body } : {}),
          type: method === 'PATCH' ? patches.merge : 'application/json',
        });
        const isAllowed = allowed[user]?.includes(what) ?? false;
        assert.equal(status !== 403, isAllowed, `${user}: ${what} (${status})`);
        if (isAllowed && unserved.includes(what)) assert.ok(status === 405, `${what}: ${status}`);
      }
    assert.equal((await kube.ask('GET', `${widgets}/w`)).status, 200, 'nothing was deleted');
  });

  const roleOf = (name: string, verbs: string[], resources: string[]) => ({
    metadata: { name },
    rules: [{ apiGroups: ['example.org'], verbs, resources }],
  });
  const bindingOf = (name: string, to: string, kind = 'Role') => ({
    metadata: { name },
    subjects: [{ kind: 'User', name: 'author' }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: to },
  });

  it('a user cannot grant permissions that it does not have itself', async () => {
    const group = 'rbac.authorization.k8s.io';
    await bind('author', [
      { verbs: ['get', 'list'], resources: ['widgets'] },
      { verbs: ['*'], apiGroups: [group], resources: ['roles', 'rolebindings'] },
    ]);
    // `*` includes the verb `escalate`, so an author with `*` may grant more than it has; one with
    // listed verbs may not.
    await kube.must('PATCH', `${rbac}/namespaces/default/roles/author`, {
      type: patches.merge,
      body: {
        rules: [
          { verbs: ['get', 'list'], apiGroups: ['example.org'], resources: ['widgets'] },
          {
            verbs: ['create', 'update', 'patch'],
            apiGroups: [group],
            resources: ['roles', 'rolebindings'],
          },
        ],
      },
    });
    const as = { user: 'author' };
    const url = `${rbac}/namespaces/default`;
    const write = async (method: HttpMethod, path: string, body: object, type = patches.merge) =>
      await kube.ask(method, `${url}/${path}`, { ...as, body, type });
    assert.equal((await write('POST', 'roles', roleOf('less', ['get'], ['widgets']))).status, 201);
    const more = await write('POST', 'roles', roleOf('more', ['delete'], ['widgets']));
    assert.equal(more.status, 403);
    assert.match(more.body.message, /attempting to grant RBAC permissions not currently held/);
    for (const rules of [
      roleOf('less', ['*'], ['widgets']).rules,
      roleOf('less', ['get'], ['*']).rules,
      roleOf('less', ['get'], ['widgets/status']).rules,
      [{ apiGroups: ['*'], verbs: ['get'], resources: ['widgets'] }],
    ])
      assert.equal((await write('PATCH', 'roles/less', { rules })).status, 403);
    const applied = await kube.ask('PATCH', `${url}/roles/applied?fieldManager=me`, {
      ...as,
      type: patches.apply,
      body: roleOf('applied', ['delete'], ['widgets']),
    });
    assert.equal(applied.status, 403);
    assert.equal((await write('POST', 'rolebindings', bindingOf('a', 'less'))).status, 201);
    assert.equal((await write('POST', 'rolebindings', bindingOf('b', 'remover'))).status, 403);
    // A binding may be updated if its role and subjects stay the same.
    assert.equal(
      (await write('PATCH', 'rolebindings/remover', { metadata: { labels: { a: 'b' } } })).status,
      200,
    );
    await bind('binder', [{ verbs: ['bind'], apiGroups: [group], resources: ['roles'] }]);
    await kube.must('POST', `${url}/rolebindings`, { body: bindingOf('also', 'binder') });
    assert.equal((await write('POST', 'rolebindings', bindingOf('b', 'remover'))).status, 201);
  });

  it('roles and bindings of the wrong shape are refused, and harm nobody', async () => {
    const url = `${rbac}/namespaces/default`;
    const wrong: [string, object][] = [
      ['rolebindings', { ...bindingOf('x', 'less'), subjects: 'everybody' }],
      ['rolebindings', { ...bindingOf('x', 'less'), subjects: [null] }],
      ['rolebindings', { metadata: { name: 'x' } }],
      ['rolebindings', { ...bindingOf('x', 'less'), roleRef: { kind: 'Secret', name: 'x' } }],
      ['roles', { metadata: { name: 'x' }, rules: { verbs: ['*'] } }],
      ['roles', { metadata: { name: 'x' }, rules: [{ verbs: '*', resources: ['a'] }] }],
      ['roles', { metadata: { name: 'x' }, rules: [{ verbs: ['get'], nonResourceURLs: ['/'] }] }],
      ['roles', { metadata: { name: 'x' }, rules: [null] }],
    ];
    for (const [kind, body] of wrong)
      assert.equal(
        (await kube.ask('POST', `${url}/${kind}`, { body })).status,
        422,
        JSON.stringify(body),
      );
    assert.equal((await kube.ask('GET', widgets, { user: 'reader' })).status, 200);
  });

  it('another name is taken by those who may, and never silently', async () => {
    const ask = async (user: string, headers: Record<string, string>) =>
      await kube.ask('GET', widgets, { user, headers });
    assert.equal((await ask('admin', { 'impersonate-user': 'reader' })).status, 200);
    assert.equal((await ask('admin', { 'impersonate-user': 'writer' })).status, 403);
    assert.equal((await ask('reader', { 'impersonate-user': 'admin' })).status, 403);
    assert.equal((await ask('reader', { 'impersonate-group': 'system:masters' })).status, 400);
    assert.equal(
      (await ask('reader', { 'impersonate-user': 'x', 'impersonate-group': 'system:masters' }))
        .status,
      403,
    );
    const { body } = await kube.ask('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      body: {},
      headers: { 'impersonate-user': 'system:serviceaccount:default:default' },
    });
    assert.deepEqual(body.status.userInfo.groups, [
      'system:serviceaccounts',
      'system:serviceaccounts:default',
      'system:authenticated',
    ]);
  });
});

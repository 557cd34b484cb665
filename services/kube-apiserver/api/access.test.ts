// Access control: roles and bindings, access reviews, and what every authenticated user may read.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestApiserver } from './apiserver.testing.ts';
import { startTestApiserver, untilFurnished } from './apiserver.testing.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const maps = '/api/v1/namespaces/default/configmaps';

describe('access to the API server', () => {
  let kube: TestApiserver;
  before(async () => {
    kube = await startTestApiserver();
    await untilFurnished(kube);
    const rule = (verbs: string[], resources: string[], more: object = {}) => ({
      apiGroups: [''],
      resources,
      verbs,
      ...more,
    });
    await kube.must('POST', `${rbac}/namespaces/default/roles`, {
      body: {
        metadata: { name: 'reader' },
        rules: [
          rule(['get', 'list', 'watch'], ['configmaps']),
          rule(['get'], ['secrets'], { resourceNames: ['mine'] }),
        ],
      },
    });
    await kube.must('POST', `${rbac}/namespaces/default/rolebindings`, {
      body: {
        metadata: { name: 'readers' },
        subjects: [{ kind: 'Group', name: 'readers' }],
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      },
    });
    await kube.must('POST', `${rbac}/clusterroles`, {
      body: { metadata: { name: 'nodes' }, rules: [rule(['*'], ['nodes', 'nodes/status'])] },
    });
    await kube.must('POST', `${rbac}/clusterrolebindings`, {
      body: {
        metadata: { name: 'nodes' },
        subjects: [{ kind: 'User', name: 'kubelet' }],
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'nodes' },
      },
    });
  });
  after(async () => await kube.close());

  const status = async (user: string, method: 'GET' | 'POST' | 'DELETE' | 'PATCH', path: string) =>
    (
      await kube.ask(method, path, {
        user,
        groups: user === 'ann' ? ['readers'] : [],
        ...(method === 'POST' || method === 'PATCH'
          ? { body: { metadata: { name: 'x' } }, type: 'application/merge-patch+json' }
          : {}),
      })
    ).status;

  it('a request without a user is a 401, but may read the version', async () => {
    const { status: code, body } = await kube.ask('GET', maps, { user: '' });
    assert.equal(code, 401);
    assert.equal(body.reason, 'Unauthorized');
    assert.equal((await kube.ask('GET', '/version', { user: '' })).status, 200);
  });

  it('a role holds in its namespace, for its verbs, resources and names', async () => {
    const allowed: [string, 'GET' | 'POST' | 'DELETE' | 'PATCH', string, number][] = [
      ['ann', 'GET', maps, 200],
      ['ann', 'GET', `${maps}/kube-root-ca.crt`, 200],
      ['ann', 'POST', maps, 403],
      ['ann', 'DELETE', `${maps}/kube-root-ca.crt`, 403],
      ['ann', 'GET', maps.replace('default', 'kube-system'), 403],
      ['ann', 'GET', '/api/v1/configmaps', 403],
      ['ann', 'GET', '/api/v1/namespaces/default/secrets/mine', 404],
      ['ann', 'GET', '/api/v1/namespaces/default/secrets/other', 403],
      ['ann', 'GET', '/api/v1/namespaces/default/secrets', 403],
      ['bob', 'GET', maps, 403],
      ['kubelet', 'GET', '/api/v1/nodes', 200],
      ['kubelet', 'PATCH', '/api/v1/nodes/x/status', 404],
      ['kubelet', 'GET', maps, 403],
    ];
    for (const [user, method, path, code] of allowed)
      assert.equal(await status(user, method, path), code, `${user} ${method} ${path}`);
  });

  it('a refusal says who, what and where', async () => {
    const { body } = await kube.ask('GET', `${maps}/x`, { user: 'bob' });
    assert.equal(
      body.message,
      'configmaps "x" is forbidden: User "bob" cannot get resource "configmaps" in API group "" in the namespace "default"',
    );
  });

  it('everybody who is known may ask what is served, and what it may do itself', async () => {
    for (const path of ['/api', '/apis', '/apis/apps/v1', '/openapi/v3', '/version'])
      assert.equal(await status('bob', 'GET', path), 200, path);
    const can = async (user: string, groups: string[], verb: string): Promise<boolean> =>
      (
        await kube.must('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
          user,
          groups,
          body: {
            spec: { resourceAttributes: { verb, resource: 'configmaps', namespace: 'default' } },
          },
        })
      )['status'].allowed;
    assert.equal(await can('ann', ['readers'], 'list'), true);
    assert.equal(await can('ann', ['readers'], 'delete'), false);
    assert.equal(await can('bob', [], 'list'), false);
    // bob may ask about his own access, but not about that of others.
    assert.equal(
      await status('bob', 'POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews'),
      403,
    );
  });
});

// Delegation: the rights of tokens from application credentials and trusts, and what such tokens
// must not do.
import { strict as assert } from 'node:assert';
import { after, before, describe, test } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { Answer } from '#openstack/http/api.testing.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { inDefault, isValid, startKeystone, type TestKeystone } from './keystone.testing.ts';

describe('lent rights', () => {
  let keystone: TestKeystone;
  let demoId: string;
  let adminId: string;
  let demoProject: string;
  before(async () => {
    keystone = await startKeystone();
    const { ask, admin } = keystone;
    [demoId, adminId] = [
      (await ask('GET', 'users?name=demo', { token: admin })).body.users[0].id,
      (await ask('GET', 'users?name=admin', { token: admin })).body.users[0].id,
    ];
    demoProject = (await ask('GET', 'projects?name=demo', { token: admin })).body.projects[0].id;
  });
  after(() => keystone.close());

  const namesOf = (answer: Answer): string[] =>
    answer.body.token.roles.map((role: { name: string }) => role.name).sort();
  const appCredLogin = (id: string, secret: string): Promise<Answer> =>
    keystone.ask('POST', 'auth/tokens', {
      body: {
        auth: {
          identity: { methods: ['application_credential'], application_credential: { id, secret } },
        },
      },
    });
  async function appCred(
    owner: string,
    token: string,
    attributes: Record<string, Json>,
  ): Promise<{ id: string; secret: string; roles: string[] }> {
    const created = await keystone.ask('POST', `users/${owner}/application_credentials`, {
      token,
      body: { application_credential: attributes },
    });
    assert.equal(created.status, 201, JSON.stringify(created.body));
    const { id, secret, roles } = created.body.application_credential;
    return { id, secret, roles: roles.map((role: { name: string }) => role.name).sort() };
  }
  async function trustToken(trustorToken: string, roles: string[]): Promise<Answer> {
    const trust = await keystone.ask('POST', 'OS-TRUST/trusts', {
      token: trustorToken,
      body: {
        trust: {
          trustor_user_id: adminId,
          trustee_user_id: demoId,
          project_id: demoProject,
          impersonation: true,
          roles: roles.map((name) => ({ name })),
        },
      },
    });
    assert.equal(trust.status, 201, JSON.stringify(trust.body));
    return await keystone.ask('POST', 'auth/tokens', {
      body: {
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { ...inDefault('demo'), password: 'demo-secret' } },
          },
          scope: { 'OS-TRUST:trust': { id: trust.body.trust.id } },
        },
      },
    });
  }
  const adminOnDemo = (): Promise<string> =>
    keystone.login('admin', 'admin-secret', { project: { id: demoProject } });

  describe('carry the roles that the lent ones imply', () => {
    test('an application credential, shown and used', async () => {
      const created = await appCred(demoId, keystone.demo, {
        name: 'implied',
        roles: [{ name: 'member' }],
      });
      assert.deepEqual(created.roles, ['member', 'reader']);
      assert.deepEqual(namesOf(await appCredLogin(created.id, created.secret)), [
        'member',
        'reader',
      ]);
    });
    test('an application credential stored before its implied roles were', async () => {
      const created = await appCred(demoId, keystone.demo, {
        name: 'old',
        roles: [{ name: 'member' }],
      });
      const member = (await keystone.ask('GET', 'roles?name=member', { token: keystone.admin }))
        .body.roles[0].id;
      await keystone.database.db
        .updateTable('application_credential')
        .set({ roles: JSON.stringify([member]) })
        .where('id', '=', created.id)
        .execute();
      assert.deepEqual(namesOf(await appCredLogin(created.id, created.secret)), [
        'member',
        'reader',
      ]);
    });
    test('a trust', async () => {
      assert.deepEqual(namesOf(await trustToken(await adminOnDemo(), ['manager'])), [
        'manager',
        'member',
        'reader',
      ]);
    });
    test('a token made from the token of an application credential', async () => {
      const created = await appCred(demoId, keystone.demo, {
        name: 'again',
        roles: [{ name: 'member' }],
      });
      const first = await appCredLogin(created.id, created.secret);
      const second = await keystone.ask('POST', 'auth/tokens', {
        body: {
          auth: {
            identity: { methods: ['token'], token: { id: first.headers['x-subject-token'] ?? '' } },
          },
        },
      });
      assert.deepEqual(namesOf(second), ['member', 'reader']);
    });
    test('but none that their owner has lost', async () => {
      const { ask, admin } = keystone;
      const { id } = (
        await ask('POST', 'users', {
          token: admin,
          body: { user: { name: 'demoted', password: 'x', domain_id: 'default' } },
        })
      ).body.user;
      const roleId = async (name: string): Promise<string> =>
        (await ask('GET', `roles?name=${name}`, { token: admin })).body.roles[0].id;
      const grant = (method: HttpMethod, role: string) =>
        ask(method, `projects/${demoProject}/users/${id}/roles/${role}`, { token: admin });
      await grant('PUT', await roleId('manager'));
      const created = await appCred(
        id,
        await keystone.login('demoted', 'x', { project: { id: demoProject } }),
        { name: 'c', roles: [{ name: 'manager' }] },
      );
      await grant('PUT', await roleId('reader'));
      await grant('DELETE', await roleId('manager'));
      assert.deepEqual(namesOf(await appCredLogin(created.id, created.secret)), ['reader']);
    });
  });

  describe('of a trust end with the tokens of its trustee, who is not named in them', () => {
    const rows: [string, (userId: string, domainId: string) => [string, Json]][] = [
      ['a new password', (userId) => [`users/${userId}`, { user: { password: 'other' } }]],
      ['the user disabled', (userId) => [`users/${userId}`, { user: { enabled: false } }]],
      [
        'the domain disabled',
        (_, domainId) => [`domains/${domainId}`, { domain: { enabled: false } }],
      ],
    ];
    for (const [title, change] of rows) {
      test(title, async () => {
        const { ask, admin } = keystone;
        const name = title.replaceAll(' ', '-');
        const { id: domainId } = (
          await ask('POST', 'domains', { token: admin, body: { domain: { name } } })
        ).body.domain;
        const { id } = (
          await ask('POST', 'users', {
            token: admin,
            body: { user: { name, password: 'x', domain_id: domainId } },
          })
        ).body.user;
        const body = {
          trust: {
            trustor_user_id: adminId,
            trustee_user_id: id,
            project_id: demoProject,
            impersonation: true,
            roles: [{ name: 'reader' }],
          },
        };
        const { trust } = (
          await ask('POST', 'OS-TRUST/trusts', { token: await adminOnDemo(), body })
        ).body;
        const login = {
          identity: { methods: ['password'], password: { user: { id, password: 'x' } } },
          scope: { 'OS-TRUST:trust': { id: trust.id } },
        };
        const token =
          (await ask('POST', 'auth/tokens', { body: { auth: login } })).headers[
            'x-subject-token'
          ] ?? '';
        assert.ok(await isValid(keystone, token));
        const [path, changes] = change(id, domainId);
        assert.equal((await ask('PATCH', path, { token: admin, body: changes })).status, 200);
        assert.ok(!(await isValid(keystone, token)));
      });
    }
  });

  describe('do not reach the credentials of their user', () => {
    let lent: Record<'restricted' | 'unrestricted' | 'trust', string>;
    let objects: {
      credential: string;
      access: string;
      appCred: string;
      trust: string;
      rule: string;
    };

    const trustBody = (): Json => ({
      trust: {
        trustor_user_id: adminId,
        trustee_user_id: demoId,
        project_id: demoProject,
        impersonation: false,
        roles: [{ name: 'reader' }],
      },
    });

    before(async () => {
      const { ask } = keystone;
      const token = await adminOnDemo();
      const login = async (attributes: Record<string, Json>): Promise<string> => {
        const created = await appCred(adminId, token, attributes);
        return (await appCredLogin(created.id, created.secret)).headers['x-subject-token'] ?? '';
      };
      lent = {
        restricted: await login({ name: 'restricted' }),
        unrestricted: await login({ name: 'unrestricted', unrestricted: true }),
        trust: (await trustToken(token, ['admin'])).headers['x-subject-token'] ?? '',
      };
      const withRule = await appCred(adminId, token, {
        name: 'ruled',
        access_rules: [{ service: 'image', method: 'GET', path: '/v2' }],
      });
      const rule = (await ask('GET', `users/${adminId}/access_rules`, { token })).body
        .access_rules[0].id;
      await ask('DELETE', `users/${adminId}/application_credentials/${withRule.id}`, { token });
      objects = {
        credential: (
          await ask('POST', 'credentials', {
            token,
            body: { credential: { type: 'totp', blob: 'x', user_id: adminId } },
          })
        ).body.credential.id,
        access: (
          await ask('POST', `users/${adminId}/credentials/OS-EC2`, {
            token,
            body: { tenant_id: demoProject },
          })
        ).body.credential.access,
        appCred: (await appCred(adminId, token, { name: 'object' })).id,
        rule,
        trust: (
          await ask('POST', 'OS-TRUST/trusts', {
            token,
            body: trustBody(),
          })
        ).body.trust.id,
      };
    });

    /**
     * 'both': neither a restricted credential nor a trust may do it. 'trust': only a trust may not.
     * The unrestricted credential is tried last, since it may delete the objects.
     */
    const rows: [string, HttpMethod, () => string, (() => Json) | undefined, 'both' | 'trust'][] = [
      ['list credentials', 'GET', () => 'credentials', undefined, 'both'],
      ['show a credential', 'GET', () => `credentials/${objects.credential}`, undefined, 'both'],
      [
        'create a credential',
        'POST',
        () => 'credentials',
        () => ({ credential: { type: 'totp', blob: 'y' } }),
        'both',
      ],
      [
        'change a credential',
        'PATCH',
        () => `credentials/${objects.credential}`,
        () => ({ credential: { blob: 'z' } }),
        'both',
      ],
      [
        'delete a credential',
        'DELETE',
        () => `credentials/${objects.credential}`,
        undefined,
        'both',
      ],
      [
        'list EC2 credentials',
        'GET',
        () => `users/${adminId}/credentials/OS-EC2`,
        undefined,
        'both',
      ],
      [
        'show an EC2 credential',
        'GET',
        () => `users/${adminId}/credentials/OS-EC2/${objects.access}`,
        undefined,
        'both',
      ],
      [
        'create an EC2 credential',
        'POST',
        () => `users/${adminId}/credentials/OS-EC2`,
        () => ({ tenant_id: demoProject }),
        'both',
      ],
      [
        'delete an EC2 credential',
        'DELETE',
        () => `users/${adminId}/credentials/OS-EC2/${objects.access}`,
        undefined,
        'both',
      ],
      [
        'list application credentials',
        'GET',
        () => `users/${adminId}/application_credentials`,
        undefined,
        'trust',
      ],
      [
        'show an application credential',
        'GET',
        () => `users/${adminId}/application_credentials/${objects.appCred}`,
        undefined,
        'trust',
      ],
      [
        'create an application credential',
        'POST',
        () => `users/${adminId}/application_credentials`,
        () => ({ application_credential: { name: 'more' } }),
        'both',
      ],
      [
        'delete an application credential',
        'DELETE',
        () => `users/${adminId}/application_credentials/${objects.appCred}`,
        undefined,
        'both',
      ],
      ['list access rules', 'GET', () => `users/${adminId}/access_rules`, undefined, 'trust'],
      [
        'show an access rule',
        'GET',
        () => `users/${adminId}/access_rules/${objects.rule}`,
        undefined,
        'trust',
      ],
      [
        'delete an access rule',
        'DELETE',
        () => `users/${adminId}/access_rules/${objects.rule}`,
        undefined,
        'both',
      ],
      ['create a trust', 'POST', () => 'OS-TRUST/trusts', trustBody, 'both'],
      ['delete a trust', 'DELETE', () => `OS-TRUST/trusts/${objects.trust}`, undefined, 'both'],
      [
        "set the user's password",
        'PATCH',
        () => `users/${adminId}`,
        () => ({ user: { password: 'taken-over' } }),
        'both',
      ],
    ];
    for (const [title, method, path, body, refusedTo] of rows) {
      test(title, async () => {
        const status = async (who: keyof typeof lent): Promise<number> =>
          (await keystone.ask(method, path(), { token: lent[who], ...(body && { body: body() }) }))
            .status;
        assert.equal(await status('trust'), 403, 'by a trust');
        const restricted = await status('restricted');
        assert.equal(
          restricted,
          refusedTo === 'both' ? 403 : 200,
          'by a restricted application credential',
        );
      });
    }
    test('an unrestricted application credential may do all that but lend more than it was lent', async () => {
      for (const [title, method, path, body] of rows.slice(0, -1)) {
        const { status } = await keystone.ask(method, path(), {
          token: lent.unrestricted,
          ...(body && { body: body() }),
        });
        assert.ok(status < 300, `${title}: ${status}`);
      }
      const created = await appCred(adminId, await adminOnDemo(), {
        name: 'reader-only',
        unrestricted: true,
        roles: [{ name: 'reader' }],
      });
      const token =
        (await appCredLogin(created.id, created.secret)).headers['x-subject-token'] ?? '';
      const trust = {
        trustor_user_id: adminId,
        trustee_user_id: demoId,
        project_id: demoProject,
        impersonation: true,
        roles: [{ name: 'admin' }],
      };
      assert.equal(
        (await keystone.ask('POST', 'OS-TRUST/trusts', { token, body: { trust } })).status,
        403,
      );
      assert.equal(
        (
          await keystone.ask('POST', `users/${adminId}/application_credentials`, {
            token,
            body: { application_credential: { name: 'more-roles', roles: [{ name: 'admin' }] } },
          })
        ).status,
        400,
      );
      assert.deepEqual((await appCred(adminId, token, { name: 'same-roles' })).roles, ['reader']);
    });
  });
});

// EC2 keys, credentials and trusts through the API.
import { strict as assert } from 'node:assert';
import { after, describe, test } from 'node:test';
import { asAdmin, inDefault, startKeystone } from './keystone.testing.ts';

const keystone = await startKeystone();
after(async () => await keystone.close());
const { ask, code, make, roleId } = asAdmin(keystone);

describe('credentials and trusts', () => {
  const names = (items: { name: string }[]): string[] => items.map((item) => item.name);

  const read = async (token: string) =>
    (await keystone.ask('GET', 'auth/tokens', { token, headers: { 'x-subject-token': token } }))
      .body.token;

  test('EC2 keys and credentials belong to their user', async () => {
    const { demo } = keystone;
    const { user, project } = await read(demo);
    const base = `users/${user.id}/credentials/OS-EC2`;
    const created = await keystone.ask('POST', base, {
      token: demo,
      body: { tenant_id: project.id },
    });
    assert.equal(created.status, 201);
    const { access } = created.body.credential;
    assert.equal(
      (await keystone.ask('GET', `${base}/${access}`, { token: demo })).body.credential.tenant_id,
      project.id,
    );
    assert.equal((await ask('GET', 'credentials?type=ec2')).body.credentials.length, 1);
    assert.equal((await keystone.ask('DELETE', `${base}/${access}`, { token: demo })).status, 204);
    assert.equal((await keystone.ask('GET', `${base}/${access}`, { token: demo })).status, 404);
    const other = await make('credentials', 'credential', { type: 'cert', blob: 'b' });
    assert.equal(
      (await keystone.ask('GET', `credentials/${other.id}`, { token: demo })).status,
      403,
    );
    assert.deepEqual(
      (await keystone.ask('GET', 'credentials', { token: demo })).body.credentials,
      [],
    );
  });

  test('a trust lends roles until it is used up or taken back', async () => {
    const { demo } = keystone;
    const { user, project } = await read(demo);
    const trustee = await make('users', 'user', { name: 'trustee', password: 'x' });
    const trust = {
      trustor_user_id: user.id,
      trustee_user_id: trustee.id,
      project_id: project.id,
      impersonation: true,
      roles: [{ name: 'reader' }],
      remaining_uses: 2,
    };
    assert.equal(
      (
        await keystone.ask('POST', 'OS-TRUST/trusts', {
          token: demo,
          body: { trust: { ...trust, expires_at: '2001-01-01T00:00:00Z' } },
        })
      ).status,
      400,
    );
    assert.equal(
      await code('POST', 'OS-TRUST/trusts', { trust }),
      403,
      'nobody lends what is another user’s',
    );
    const created = await keystone.ask('POST', 'OS-TRUST/trusts', { token: demo, body: { trust } });
    assert.equal(created.status, 201);
    const { id } = created.body.trust;
    const use = () =>
      keystone.ask('POST', 'auth/tokens', {
        body: {
          auth: {
            identity: {
              methods: ['password'],
              password: { user: { id: trustee.id, password: 'x' } },
            },
            scope: { 'OS-TRUST:trust': { id } },
          },
        },
      });
    const first = await use();
    assert.deepEqual(
      [
        first.status,
        first.body.token.user.id,
        names(first.body.token.roles),
        first.body.token['OS-TRUST:trust'].trustee_user.id,
      ],
      [201, user.id, ['reader'], trustee.id],
    );
    const lent = first.headers['x-subject-token'] ?? '';
    const lasting = { application_credential: { name: 'escalation' } };
    assert.equal(
      (
        await keystone.ask('POST', `users/${user.id}/application_credentials`, {
          token: lent,
          body: lasting,
        })
      ).status,
      403,
      'what is lent does not become lasting',
    );
    assert.equal(
      (
        await keystone.ask('POST', 'auth/tokens', {
          body: {
            auth: {
              identity: { methods: ['token'], token: { id: lent } },
              scope: { project: inDefault('demo') },
            },
          },
        })
      ).status,
      403,
    );
    assert.deepEqual([(await use()).status, (await use()).status], [201, 403]);
    const role = await roleId('reader');
    assert.equal(
      (await keystone.ask('HEAD', `OS-TRUST/trusts/${id}/roles/${role}`, { token: demo })).status,
      200,
    );
    assert.equal((await keystone.ask('GET', 'OS-TRUST/trusts', { token: demo })).status, 403);
    assert.equal(
      (await keystone.ask('GET', `OS-TRUST/trusts?trustor_user_id=${user.id}`, { token: demo }))
        .body.trusts.length,
      1,
    );
    assert.equal(
      (await keystone.ask('DELETE', `OS-TRUST/trusts/${id}`, { token: demo })).status,
      204,
    );
    assert.equal((await keystone.ask('GET', 'auth/projects', { token: lent })).status, 401);
  });
});

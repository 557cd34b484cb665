// Keystone on a real MariaDB: migrations and seed, each twice, and requests that use every table.
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { mariadbMissing, withMariadb } from '#platform/db/mariadb.testing.ts';
import { migrate } from '#platform/db/migrate.ts';
import { migrations } from '../store/migrations/index.ts';
import { isValid, plan, startKeystone } from './keystone.testing.ts';

test(
  'keystone runs on MariaDB as it does on SQLite',
  { skip: await mariadbMissing() },
  async () => {
    await withMariadb(async (mariadb) => {
      const keystone = await startKeystone({ database: await mariadb.createDatabase('keystone') });
      try {
        const { ask, admin, database, role: api } = keystone;
        assert.deepEqual(
          await migrate(database.db, database.dialect, 'keystone', migrations),
          [],
          'nothing is left to apply',
        );
        await api.seed(plan);
        assert.ok(await isValid(keystone, admin), 'a repeated seed ends no token');

        const make = async (collection: string, key: string, body: object): Promise<string> => {
          const answer = await ask('POST', collection, {
            token: admin,
            body: { [key]: body as never },
          });
          assert.equal(answer.status, 201, `${collection}: ${JSON.stringify(answer.body)}`);
          return String(answer.body[key].id ?? answer.body[key].access);
        };
        const domain = await make('domains', 'domain', { name: 'Acme' });
        await make('domains', 'domain', { name: 'acme' }); // names are case-sensitive
        assert.equal(
          (await ask('POST', 'domains', { token: admin, body: { domain: { name: 'acme' } } }))
            .status,
          409,
        );
        const parent = await make('projects', 'project', {
          name: 'parent',
          domain_id: domain,
          tags: ['a', 'b'],
        });
        const child = await make('projects', 'project', { name: 'child', parent_id: parent });
        const user = await make('users', 'user', {
          name: 'Grüße 😀',
          domain_id: domain,
          password: 'x',
          email: 'a@b',
        });
        const group = await make('groups', 'group', { name: 'g', domain_id: domain });
        const role = await make('roles', 'role', { name: 'own', domain_id: domain });
        const member = (await ask('GET', 'roles?name=member', { token: admin })).body.roles[0].id;
        for (const path of [
          `groups/${group}/users/${user}`,
          `groups/${group}/users/${user}`,
          `projects/${parent}/groups/${group}/roles/${role}`,
          `OS-INHERIT/domains/${domain}/users/${user}/roles/${member}/inherited_to_projects`,
          `system/users/${user}/roles/${member}`,
          `domains/${domain}/config`,
        ]) {
          const answer = await ask('PUT', path, {
            token: admin,
            body: path.endsWith('config') ? { config: { identity: { driver: 'sql' } } } : null,
          });
          assert.ok([201, 204].includes(answer.status), `${path}: ${answer.status}`);
        }
        assert.equal(
          (await ask('PUT', `roles/${role}/implies/${member}`, { token: admin })).status,
          201,
        );
        const effective = await ask(
          'GET',
          `role_assignments?effective&include_names&scope.project.id=${child}`,
          { token: admin },
        );
        assert.deepEqual(
          effective.body.role_assignments
            .map((one: { role: { name: string } }) => one.role.name)
            .sort(),
          ['member', 'reader'],
        );

        const login = await ask('POST', 'auth/tokens', {
          body: {
            auth: {
              identity: {
                methods: ['password'],
                password: { user: { name: 'Grüße 😀', domain: { name: 'Acme' }, password: 'x' } },
              },
              scope: { project: { id: child } },
            },
          },
        });
        assert.equal(login.status, 201);
        const token = login.headers['x-subject-token'] ?? '';
        const own = await ask('POST', `users/${user}/application_credentials`, {
          token,
          body: {
            application_credential: {
              name: 'a',
              access_rules: [{ service: 'image', method: 'GET', path: '/v2' }],
            },
          },
        });
        assert.equal(own.status, 201);
        assert.equal(
          (
            await ask('POST', `users/${user}/credentials/OS-EC2`, {
              token,
              body: { tenant_id: child },
            })
          ).status,
          201,
        );
        const adminId = (await ask('GET', 'users?name=admin', { token: admin })).body.users[0].id;
        assert.equal(
          (
            await ask('POST', 'OS-TRUST/trusts', {
              token,
              body: {
                trust: {
                  trustor_user_id: user,
                  trustee_user_id: adminId,
                  project_id: child,
                  impersonation: false,
                  roles: [{ name: 'member' }],
                  remaining_uses: 1,
                },
              },
            })
          ).status,
          201,
        );
        const service_id = (await ask('GET', 'services?type=compute', { token: admin })).body
          .services[0].id;
        const limits = {
          registered_limits: [{ service_id, resource_name: 'servers', default_limit: 10 }],
        };
        assert.deepEqual(
          [
            (await ask('POST', 'registered_limits', { token: admin, body: limits })).status,
            (await ask('POST', 'registered_limits', { token: admin, body: limits })).status,
          ],
          [201, 409],
        );
        assert.equal(
          (
            await ask('POST', 'limits', {
              token: admin,
              body: {
                limits: [
                  { service_id, resource_name: 'servers', resource_limit: 5, project_id: child },
                ],
              },
            })
          ).status,
          201,
        );
        await make('policies', 'policy', { type: 'json', blob: '{}' });

        await ask('DELETE', 'auth/tokens', { token, headers: { 'x-subject-token': token } });
        assert.equal(await isValid(keystone, token), false);
        await ask('PATCH', `domains/${domain}`, {
          token: admin,
          body: { domain: { enabled: false } },
        });
        assert.equal((await ask('DELETE', `domains/${domain}`, { token: admin })).status, 204);
        for (const path of [
          `projects/${child}`,
          `users/${user}`,
          `groups/${group}`,
          `roles/${role}`,
        ])
          assert.equal((await ask('GET', path, { token: admin })).status, 404, path);
      } finally {
        await keystone.close();
      }
    });
  },
);

// Every persona (scope and role) against every kind of route, on objects of its own domain and of
// another one. The expectations follow upstream's default policies and personas; a domain-scoped
// token never has effect outside of its domain.
// https://docs.openstack.org/keystone/latest/admin/service-api-protection.html
import { strict as assert } from 'node:assert';
import { after, before, describe, test } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { startKeystone, type TestKeystone } from './keystone.testing.ts';
import {
  cloudAdmins,
  domainManagers,
  fresh,
  roles,
  scopes,
  table,
  type Row,
  type Side,
  type World,
} from './personas-table.testing.ts';

describe('personas', () => {
  let keystone: TestKeystone;
  let world: World;
  const tokens = new Map<string, string>();
  const admin = (method: HttpMethod, path: string, body?: Json) =>
    keystone.ask(method, path, { token: keystone.admin, body });
  const make = async (path: string, body: Json): Promise<string> => {
    const answer = await admin('POST', path, body);
    assert.equal(answer.status, 201, `${path} ${JSON.stringify(answer.body)}`);
    return Object.values(answer.body as Record<string, { id: string }>)[0]?.id ?? '';
  };

  async function side(name: string, serviceId: string): Promise<Side> {
    const domain = await make('domains', { domain: { name } });
    const [project, sibling] = [
      await make('projects', { project: { name: 'p', domain_id: domain } }),
      await make('projects', { project: { name: 's', domain_id: domain } }),
    ];
    const [user, group] = [
      await make('users', { user: { name: 'u', domain_id: domain } }),
      await make('groups', { group: { name: 'g', domain_id: domain } }),
    ];
    const limit = (
      await admin('POST', 'limits', {
        limits: [
          {
            service_id: serviceId,
            resource_name: 'servers',
            resource_limit: 5,
            project_id: project,
          },
        ],
      })
    ).body.limits[0].id;
    return { domain, project, sibling, user, group, limit };
  }

  before(async () => {
    keystone = await startKeystone();
    const role: Record<string, string> = {};
    for (const one of (await admin('GET', 'roles')).body.roles) role[one.name] = one.id;
    for (const name of ['tool', 'disguise']) role[name] = await make('roles', { role: { name } });
    await admin('PUT', `roles/${role['disguise']}/implies/${role['admin']}`);
    const serviceId = (await admin('GET', 'services?type=compute')).body.services[0].id;
    await admin('POST', 'registered_limits', {
      registered_limits: [{ service_id: serviceId, resource_name: 'servers', default_limit: 10 }],
    });
    world = { own: await side('own', serviceId), other: await side('other', serviceId), role };
    for (const one of [world.own, world.other]) {
      await admin('PUT', `projects/${one.sibling}/users/${one.user}/roles/${role['reader']}`);
      await admin('PUT', `groups/${one.group}/users/${one.user}`);
    }
    const place = {
      system: 'system',
      domain: `domains/${world.own.domain}`,
      project: `projects/${world.own.project}`,
    };
    const scopeOf: Record<string, Json> = {
      system: { system: { all: true } },
      domain: { domain: { id: world.own.domain } },
      project: { project: { id: world.own.project } },
    };
    for (const scope of scopes) {
      for (const name of roles) {
        const id = await make('users', {
          user: { name: `${scope}-${name}`, domain_id: world.own.domain, password: 'secret' },
        });
        assert.equal(
          (await admin('PUT', `${place[scope]}/users/${id}/roles/${role[name]}`)).status,
          204,
        );
        const login = await keystone.ask('POST', 'auth/tokens', {
          body: {
            auth: {
              identity: { methods: ['password'], password: { user: { id, password: 'secret' } } },
              scope: scopeOf[scope] ?? null,
            },
          },
        });
        tokens.set(`${scope} ${name}`, login.headers['x-subject-token'] ?? '');
      }
    }
  });
  after(() => keystone.close());

  /** The outcome for each persona, in the letters of the table. */
  async function outcome(row: Row, which: 'own' | 'other'): Promise<string> {
    const words: string[] = [];
    for (const scope of scopes) {
      let word = '';
      for (const name of roles) {
        const path = row.path(world[which], world);
        const body = row.body?.(world[which], world);
        const answer = await keystone.ask(row.method, path, {
          token: tokens.get(`${scope} ${name}`) ?? '',
          ...(body !== undefined && { body }),
        });
        word +=
          answer.status === 403
            ? '-'
            : answer.status >= 400 && answer.status !== 404
              ? `<${answer.status}>`
              : accessOf(row, JSON.stringify(answer.body ?? null));
      }
      words.push(word);
    }
    return words.join(' ');
  }

  function accessOf(row: Row, text: string): string {
    if (!row.shows) return 'A';
    const [own, other] = [
      text.includes(row.shows(world.own)),
      text.includes(row.shows(world.other)),
    ];
    const named = row.path(world.own, world).includes(world.own.domain);
    return own && (other || named) ? 'A' : own ? 'F' : other ? '!' : 'N';
  }

  test('twelve personas have twelve tokens', () =>
    assert.equal(new Set([...tokens.values()].filter(Boolean)).size, 12));
  for (const [title, row] of Object.entries(table)) {
    test(title, async () => {
      assert.equal(await outcome(row, 'own'), row.own, 'in the own domain');
      if (row.other !== undefined)
        assert.equal(await outcome(row, 'other'), row.other, 'in another domain');
    });
  }

  const removals: Record<string, (one: Side) => Promise<string>> = {
    users: (one) => make('users', { user: { name: fresh(), domain_id: one.domain } }),
    groups: (one) => make('groups', { group: { name: fresh(), domain_id: one.domain } }),
    projects: (one) => make('projects', { project: { name: fresh(), domain_id: one.domain } }),
  };
  for (const [kind, create] of Object.entries(removals)) {
    test(`delete ${kind}: by managers of their domain and administrators of the cloud`, async () => {
      for (const [which, expected] of [
        ['own', domainManagers],
        ['other', cloudAdmins],
      ] as const) {
        const words: string[] = [];
        for (const scope of scopes) {
          let word = '';
          for (const name of roles) {
            const id = await create(world[which]);
            word +=
              (
                await keystone.ask('DELETE', `${kind}/${id}`, {
                  token: tokens.get(`${scope} ${name}`) ?? '',
                })
              ).status === 204
                ? 'A'
                : '-';
          }
          words.push(word);
        }
        assert.equal(words.join(' '), expected, which);
      }
    });
  }

  test('tokens of others are seen and ended by administrators of the cloud, not of a domain', async () => {
    const token = await keystone.login('demo', 'demo-secret');
    const check = (who: string) =>
      keystone.ask('GET', 'auth/tokens', {
        token: tokens.get(who) ?? '',
        headers: { 'x-subject-token': token },
      });
    assert.deepEqual(
      [
        (await check('domain admin')).status,
        (await check('system reader')).status,
        (await check('project admin')).status,
      ],
      [403, 200, 200],
    );
    const end = (who: string) =>
      keystone.ask('DELETE', 'auth/tokens', {
        token: tokens.get(who) ?? '',
        headers: { 'x-subject-token': token },
      });
    assert.deepEqual(
      [
        (await end('domain admin')).status,
        (await end('system reader')).status,
        (await end('system admin')).status,
      ],
      [403, 403, 204],
    );
  });

  test('a project shows its family to those alone who may see it', async () => {
    const child = await make('projects', {
      project: { name: 'hidden-child', parent_id: world.own.project },
    });
    const subtree = async (who: string): Promise<string[]> =>
      (
        await keystone.ask('GET', `projects/${world.own.project}?subtree_as_list`, {
          token: tokens.get(who) ?? '',
        })
      ).body.project.subtree.map((one: { project: { id: string } }) => one.project.id);
    assert.deepEqual(
      [
        await subtree('project member'),
        await subtree('domain reader'),
        await subtree('project admin'),
      ],
      [[], [child], [child]],
    );
  });
});

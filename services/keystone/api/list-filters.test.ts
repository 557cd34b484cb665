// Filters of Keystone's lists, one row per filter: which objects it finds, or whether it is refused
// or ignored. https://docs.openstack.org/api-ref/identity/v3/
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { Loose } from '#openstack/http/api.testing.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { TestKeystone } from './keystone.testing.ts';
import { inDefault, startKeystone } from './keystone.testing.ts';

let keystone: TestKeystone;
/** Ids of created objects by a word; queries refer to one as `#word`. */
const ids: Record<string, string> = {};

const ask = async (
  method: HttpMethod,
  path: string,
  body?: Json,
  token = keystone.admin,
): Promise<Loose> => {
  const answer = await keystone.ask(method, path, { token, body });
  if (answer.status >= 300)
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
};
const add = async (
  path: string,
  key: string,
  word: string,
  fields: Record<string, Json>,
): Promise<void> => {
  ids[word] = (await ask('POST', path, { [key]: fields }))[key].id;
};

before(async () => {
  keystone = await startKeystone();
  await addActors();
  await addServices();
  await addGrants();
});
after(async () => await keystone.close());

async function addActors(): Promise<void> {
  for (const name of ['admin', 'demo'])
    ids[name] = (await ask('GET', `users?name=${name}`)).users[0].id;
  await add('domains', 'domain', 'dom', { name: 'F-dom' });
  await add('domains', 'domain', 'off', { name: 'f-off', enabled: false });
  await add('users', 'user', 'u1', {
    name: 'f-One',
    domain_id: ids['dom'] ?? '',
    password: 'long enough',
  });
  await add('users', 'user', 'u2', { name: 'F-two', domain_id: 'default', enabled: false });
  await add('groups', 'group', 'g1', {
    name: 'f-grp',
    domain_id: ids['dom'] ?? '',
    description: 'shop',
  });
  await add('groups', 'group', 'g2', { name: 'F-team' });
  for (const group of ['g1', 'g2'])
    for (const user of ['u1', 'u2']) await ask('PUT', `groups/${ids[group]}/users/${ids[user]}`);
  await add('projects', 'project', 'p1', {
    name: 'f-shop',
    domain_id: ids['dom'] ?? '',
    tags: ['red', 'blue'],
  });
  await add('projects', 'project', 'p2', {
    name: 'f-till',
    domain_id: ids['dom'] ?? '',
    parent_id: ids['p1'] ?? '',
    tags: ['red'],
    enabled: false,
  });
  await add('projects', 'project', 'p3', { name: 'F-yard', domain_id: 'default' });
  await add('roles', 'role', 'r1', { name: 'f-role' });
  await add('roles', 'role', 'r2', { name: 'f-local', domain_id: ids['dom'] ?? '' });
}

async function addServices(): Promise<void> {
  await add('regions', 'region', 'parent', { id: 'f-land' });
  await add('regions', 'region', 'child', { id: 'f-town', parent_region_id: 'f-land' });
  await add('services', 'service', 's1', { name: 'f-Post', type: 'post' });
  await add('services', 'service', 's2', { name: 'f-tram', type: 'tram' });
  for (const [service, face, region] of [
    ['s1', 'public', 'f-land'],
    ['s1', 'admin', 'f-town'],
    ['s2', 'public', 'f-town'],
  ] as const) {
    await add('endpoints', 'endpoint', face, {
      service_id: ids[service] ?? '',
      interface: face,
      region_id: region,
      url: `http://${service}-${face}`,
    });
  }
  await ask('POST', 'registered_limits', {
    registered_limits: [
      { service_id: ids['s1'] ?? '', resource_name: 'stamps', default_limit: 1 },
      {
        service_id: ids['s2'] ?? '',
        region_id: 'f-town',
        resource_name: 'seats',
        default_limit: 2,
      },
    ],
  });
  await ask('POST', 'limits', {
    limits: [
      {
        service_id: ids['s1'] ?? '',
        resource_name: 'stamps',
        resource_limit: 5,
        project_id: ids['p1'] ?? '',
      },
      {
        service_id: ids['s2'] ?? '',
        region_id: 'f-town',
        resource_name: 'seats',
        resource_limit: 6,
        domain_id: ids['dom'] ?? '',
      },
    ],
  });
  await add('policies', 'policy', 'pol', { type: 'text/plain', blob: 'f-blob' });
  await add('OS-EP-FILTER/endpoint_groups', 'endpoint_group', 'eg', {
    name: 'f-group',
    filters: { interface: 'public' },
  });
}

async function addGrants(): Promise<void> {
  await add('credentials', 'credential', 'cred', {
    user_id: ids['u1'] ?? '',
    type: 'cert',
    blob: 'c1',
  });
  await add('credentials', 'credential', 'cred', {
    user_id: ids['u2'] ?? '',
    type: 'totp',
    blob: 'c2',
  });
  await ask('PUT', `projects/${ids['p1']}/users/${ids['u1']}/roles/${ids['r1']}`);
  await ask('PUT', `projects/${ids['p2']}/groups/${ids['g1']}/roles/${ids['r1']}`);
  await ask('PUT', `domains/${ids['dom']}/users/${ids['u1']}/roles/${ids['r1']}`);
  await ask(
    'PUT',
    `OS-INHERIT/domains/${ids['dom']}/groups/${ids['g2']}/roles/${ids['r1']}/inherited_to_projects`,
  );
  await ask('PUT', `system/users/${ids['u2']}/roles/${ids['r1']}`);
  for (const name of ['first', 'second'])
    await ask(
      'POST',
      `users/${ids['demo']}/application_credentials`,
      {
        application_credential: {
          name,
          access_rules: [{ service: 'compute', method: 'GET', path: `/${name}` }],
        },
      },
      keystone.demo,
    );
  const { project, roles } = (
    await ask(
      'POST',
      'auth/tokens',
      {
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { ...inDefault('demo'), password: 'demo-secret' } },
          },
          scope: { project: inDefault('demo') },
        },
      },
      '',
    )
  ).token;
  await ask(
    'POST',
    'OS-TRUST/trusts',
    {
      trust: {
        trustor_user_id: ids['demo'] ?? '',
        trustee_user_id: ids['u1'] ?? '',
        impersonation: false,
        project_id: project.id,
        roles: [{ name: roles[0].name }],
      },
    },
    keystone.demo,
  );
}

const wordOf = (item: Loose): string =>
  item.url?.slice(7) ??
  item.resource_name ??
  item.name ??
  item.blob ??
  item.path ??
  item.type ??
  item.id;
/**
 * The words of the objects that the path finds, sorted. Of the seeded objects only those that a
 * filter might wrongly match are included.
 */
async function found(path: string, token: string): Promise<string | number> {
  const { status, body } = await keystone.ask(
    'GET',
    path.replaceAll(/#(\w+)/g, (_, word: string) => ids[word] ?? ''),
    { token },
  );
  if (status !== 200) return status;
  const items = Object.entries(body).find(([key]) => key !== 'links')?.[1] as Loose[];
  return items
    .map(wordOf)
    .filter((word) => /^f-|^s\d-|^(stamps|seats|c1|c2|first|second|\/)/i.test(word))
    .sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))
    .join(' ');
}

const run = (
  cases: readonly (readonly [string, string | number])[],
  who: () => string = () => keystone.admin,
): void => {
  for (const [path, wanted] of cases)
    it(path, async () => assert.equal(await found(path, who()), wanted));
};

describe('users and groups', () =>
  run([
    ['users', 'f-One F-two'],
    ['users?name=f-One', 'f-One'],
    ['users?name=F-one', ''],
    ['users?name=', ''],
    ['users?domain_id=#dom', 'f-One'],
    ['users?domain_id=none-such', ''],
    ['users?domain_id=#dom&name=F-two', ''],
    ['users?name__contains=-O', 'f-One'],
    ['users?name__contains=-o', ''],
    ['users?name__icontains=-o', 'f-One'],
    ['users?name__startswith=f-', 'f-One'],
    ['users?name__istartswith=f-', 'f-One F-two'],
    ['users?name__endswith=ONE', ''],
    ['users?name__iendswith=ONE', 'f-One'],
    ['users?name__iexact=F-ONE', 'f-One F-two'],
    ['users?name__like=x', 'f-One F-two'],
    ['users?name__contains=', 'f-One F-two'],
    ['users?domain_id__startswith=def', 'F-two'],
    ['users?id__contains=zz', 'f-One F-two'],
    ['users?colour__contains=red', 'f-One F-two'],
    ['users?constructor__contains=x', 'f-One F-two'],
    // Any word other than these means true.
    ...['false', 'False', 'FALSE', '0', 'f', 'no', 'N', 'off', 'OFF'].map(
      (word) => [`users?enabled=${word}`, 'F-two'] as const,
    ),
    ...['true', 'True', '1', 'yes', 'on', '', 'perhaps'].map(
      (word) => [`users?enabled=${word}`, 'f-One'] as const,
    ),
    ['users?enabled', 'f-One'],
    // No user is federated and no password expires, so these filters find nobody.
    ['users?unique_id=x', ''],
    ['users?idp_id=x', ''],
    ['users?protocol_id=x', ''],
    ...['lt', 'lte', 'gt', 'gte', 'eq', 'neq'].map(
      (operator) => [`users?password_expires_at=${operator}:2026-01-01T00:00:00Z`, ''] as const,
    ),
    ['users?password_expires_at=2026-01-01T00:00:00Z', ''],
    ['users?password_expires_at=in:2026-01-01T00:00:00Z', 400],
    ['users?password_expires_at=lt:yesterday', 400],
    ['users?password_expires_at=', 400],
    ['users?name=f-One&name=F-two', 'f-One'],
    ['users?colour=red', 'f-One F-two'],
    ['users?email=x', 'f-One F-two'],
    ['users?limit=1&marker=#u1&sort_key=colour&sort_dir=up', 'f-One F-two'],
    ['groups', 'f-grp F-team'],
    ['groups?name=f-grp', 'f-grp'],
    ['groups?domain_id=default', 'F-team'],
    ['groups?name__icontains=TEAM', 'F-team'],
    ['groups?description=shop', 'f-grp F-team'],
    ['groups?description__contains=none', 'f-grp F-team'],
    ['groups/#g1/users?name=f-One', 'f-One'],
    ['groups/#g1/users?enabled=false', 'F-two'],
    ['groups/#g1/users?domain_id=#dom', 'f-One'],
    ['groups/#g1/users?name__istartswith=F-T', 'F-two'],
    ['groups/#g1/users?password_expires_at=gt:x', 400],
    ['groups/#g1/users?password_expires_at=gt:2026-01-01T00:00:00Z', ''],
    ['groups/#g1/users?unique_id=x', 'f-One F-two'],
    ['users/#u1/groups?name=F-team', 'F-team'],
    ['users/#u1/groups?name__contains=grp', 'f-grp'],
    ['users/#u1/groups?domain_id=#dom', 'f-grp F-team'],
  ]));

describe('projects, domains and roles', () =>
  run([
    ['projects', 'f-shop f-till F-yard'],
    ['projects?name=f-shop', 'f-shop'],
    ['projects?domain_id=#dom', 'f-shop f-till'],
    ['projects?parent_id=#p1', 'f-till'],
    ['projects?parent_id=default', 'F-yard'],
    ['projects?enabled=false', 'f-till'],
    ['projects?enabled=', 'f-shop F-yard'],
    ['projects?is_domain=true', 'F-dom f-off'],
    ['projects?is_domain=false', 'f-shop f-till F-yard'],
    ['projects?is_domain=0', 'f-shop f-till F-yard'],
    ['projects?is_domain=true&domain_id=#dom', ''],
    ['projects?name__startswith=F', 'F-yard'],
    ['projects?name__iendswith=D', 'F-yard'],
    ['projects?tags=red', 'f-shop f-till'],
    ['projects?tags=red,blue', 'f-shop'],
    ['projects?tags-any=blue,green', 'f-shop'],
    ['projects?not-tags=red,blue', 'f-till F-yard'],
    ['projects?not-tags-any=red,blue', 'F-yard'],
    ['projects?tags=red&not-tags=blue', 'f-till'],
    ['projects?tags=RED', ''],
    ['projects?description__contains=x', 'f-shop f-till F-yard'],
    ['projects?colour=red&limit=1', 'f-shop f-till F-yard'],
    ['users/#u1/projects', 'f-shop'],
    ['users/#u1/projects?name=f-shop', 'f-shop'],
    ['users/#u1/projects?name=none-such', ''],
    ['users/#u1/projects?domain_id=default', ''],
    ['users/#u1/projects?enabled=false', ''],
    ['users/#u1/projects?parent_id=x', 'f-shop'],
    ['domains', 'F-dom f-off'],
    ['domains?name=F-dom', 'F-dom'],
    ['domains?enabled=0', 'f-off'],
    ['domains?enabled=1', 'F-dom'],
    ['domains?name__icontains=DOM', 'F-dom'],
    ['domains?description=x', 'F-dom f-off'],
    ['roles', 'f-role'],
    ['roles?name=f-role', 'f-role'],
    ['roles?domain_id=#dom', 'f-local'],
    ['roles?domain_id=#dom&name=f-role', ''],
    ['roles?name__endswith=role', 'f-role'],
    ['roles?colour=red', 'f-role'],
  ]));

describe('services, endpoints, regions, limits and documents', () =>
  run([
    ['services', 'f-Post f-tram'],
    ['services?name=f-Post', 'f-Post'],
    ['services?type=tram', 'f-tram'],
    ['services?name__icontains=POST', 'f-Post'],
    ['services?type__startswith=tr', 'f-tram'],
    ['services?enabled=false', 'f-Post f-tram'],
    ['endpoints', 's1-admin s1-public s2-public'],
    ['endpoints?interface=public', 's1-public s2-public'],
    ['endpoints?service_id=#s1', 's1-admin s1-public'],
    ['endpoints?region_id=f-town', 's1-admin s2-public'],
    ['endpoints?region_id=f-town&interface=admin', 's1-admin'],
    ['endpoints?interface=none-such', ''],
    ['endpoints?region_id__contains=land', 's1-public'],
    ['endpoints?url__contains=x', 's1-admin s1-public s2-public'],
    ['endpoints?enabled=false', 's1-admin s1-public s2-public'],
    ['regions', 'f-land f-town'],
    ['regions?parent_region_id=f-land', 'f-town'],
    ['regions?parent_region_id=none-such', ''],
    ['regions?description=x', 'f-land f-town'],
    ['regions?parent_region_id__startswith=f-', 'f-town'],
    ['registered_limits', 'seats stamps'],
    ['registered_limits?service_id=#s1', 'stamps'],
    ['registered_limits?region_id=f-town', 'seats'],
    ['registered_limits?resource_name=seats', 'seats'],
    ['registered_limits?resource_name__contains=amp', 'stamps'],
    ['registered_limits?colour=red', 'seats stamps'],
    ['limits', 'seats stamps'],
    ['limits?service_id=#s1', 'stamps'],
    ['limits?region_id=f-town', 'seats'],
    ['limits?resource_name=seats', 'seats'],
    ['limits?project_id=#p1', 'stamps'],
    ['limits?domain_id=#dom', 'seats'],
    ['limits?resource_limit=5', 'seats stamps'],
    ['policies', 'f-blob'],
    ['policies?type=text/plain', 'f-blob'],
    ['policies?type=none-such', ''],
    ['policies?blob=x', 'f-blob'],
    ['OS-EP-FILTER/endpoint_groups?name=f-group', 'f-group'],
    ['OS-EP-FILTER/endpoint_groups?name=none-such', ''],
    ['OS-EP-FILTER/endpoint_groups?colour=red', 'f-group'],
  ]));

describe('credentials and trusts', () => {
  run([
    ['credentials', 'c1 c2'],
    ['credentials?user_id=#u1', 'c1'],
    ['credentials?type=totp', 'c2'],
    ['credentials?user_id=#u1&type=totp', ''],
    ['credentials?type__startswith=ce', 'c1'],
    ['credentials?blob=c1', 'c1 c2'],
  ]);
  run(
    [
      ['users/#demo/application_credentials', 'first second'],
      ['users/#demo/application_credentials?name=first', 'first'],
      ['users/#demo/application_credentials?name__iendswith=ND', 'second'],
      ['users/#demo/application_credentials?colour=red', 'first second'],
      ['users/#demo/access_rules', '/first /second'],
      ['users/#demo/access_rules?path=/first', '/first'],
      ['users/#demo/access_rules?service=image', ''],
      ['users/#demo/access_rules?method=GET', '/first /second'],
      ['users/#demo/access_rules?colour=red', '/first /second'],
    ],
    () => keystone.demo,
  );
  for (const [query, wanted] of [
    ['', 1],
    ['?trustor_user_id=#demo', 1],
    ['?trustor_user_id=#u1', 0],
    ['?trustee_user_id=#u1', 1],
    ['?trustee_user_id=#demo', 0],
  ] as const) {
    it(`trusts${query}`, async () =>
      assert.equal(
        (
          await ask(
            'GET',
            `OS-TRUST/trusts${query.replace(/#(\w+)/, (_, word: string) => ids[word] ?? '')}`,
          )
        ).trusts.length,
        wanted,
      ));
  }
});

describe('role assignments', () => {
  /** The query, and how many grants of the role it finds. */
  const cases: readonly (readonly [string, number | 'refused'])[] = [
    ['', 5],
    ['user.id=#u1', 2],
    ['group.id=#g1', 1],
    ['scope.project.id=#p1', 1],
    ['scope.domain.id=#dom', 2],
    ['scope.system=all', 1],
    ['user.id=#u1&scope.project.id=#p1', 1],
    ['user.id=none-such', 0],
    ['user.id=', 5],
    ['scope.OS-INHERIT:inherited_to=projects', 1],
    ['scope.OS-INHERIT:inherited_to=none-such', 4],
    ['scope.project.id=#p1&include_subtree', 2],
    ['scope.project.id=#p1&include_subtree=0', 1],
    ['effective&user.id=#u1', 5],
    ['effective=0&user.id=#u1', 2],
    ['colour=red&limit=1', 5],
    ['user.id=#u1&group.id=#g1', 'refused'],
    ['scope.project.id=#p1&scope.domain.id=#dom', 'refused'],
    ['scope.system=all&scope.domain.id=#dom', 'refused'],
    ['scope.system=all&scope.project.id=#p1', 'refused'],
    ['effective&group.id=#g1', 'refused'],
    ['effective&scope.domain.id=#dom&scope.OS-INHERIT:inherited_to=projects', 'refused'],
    ['include_subtree', 'refused'],
  ];
  for (const [query, wanted] of cases) {
    it(query || 'no filter', async () => {
      const { status, body } = await keystone.ask(
        'GET',
        `role_assignments?role.id=#r1&${query}`.replaceAll(
          /#(\w+)/g,
          (_, word: string) => ids[word] ?? '',
        ),
        { token: keystone.admin },
      );
      assert.equal(status === 400 ? 'refused' : body.role_assignments.length, wanted);
    });
  }
});

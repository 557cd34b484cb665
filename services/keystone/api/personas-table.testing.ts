// The expectations of personas.test.ts: which persona (scope and role) may do what, after
// upstream's default policies.
// https://docs.openstack.org/keystone/latest/admin/service-api-protection.html
import type { Json } from '#contracts/common/json.ts';
import type { HttpMethod } from '#platform/http/messages.ts';

export const scopes = ['system', 'domain', 'project'] as const;
export const roles = ['admin', 'manager', 'member', 'reader'] as const;

/** Ids of the objects under test: `own` is in the personas' domain, `other` is in another one. */
export interface World {
  own: Side;
  other: Side;
  role: Record<string, string>;
}
export interface Side {
  domain: string;
  project: string;
  /** A second project of the side, for which no persona has a token. */
  sibling: string;
  user: string;
  group: string;
  limit: string;
}

export interface Row {
  method: HttpMethod;
  /**
   * The path for `own`; if the title contains `{other}`, also for `other`, with the expectations in
   * that column.
   */
  path: (side: Side, world: World) => string;
  body?: (side: Side, world: World) => Json;
  /**
   * One letter per persona, in the order of `scopes` and `roles`: A allowed, - refused, F allowed
   * but filtered to the persona's own domain.
   */
  own: string;
  other?: string;
  /** For lists: the text that the answer contains if it includes this side's object. */
  shows?: (side: Side) => string;
}

const everybody = 'AAAA AAAA AAAA';
const cloudReaders = 'AAAA ---- A---';
export const cloudAdmins = 'A--- ---- A---';
const domainReaders = 'AAAA AAAA A---';
export const domainManagers = 'A--- AA-- A---';
const domainLists = 'AAAA FFFF A---';

let serial = 0;
export const fresh = (): string => `fresh-${(serial += 1)}`;
const get = (path: Row['path'], own: string, other?: string): Row => ({
  method: 'GET',
  path,
  own,
  ...(other !== undefined && { other }),
});
const list = (path: string, own: string, shows: (side: Side) => string): Row => ({
  method: 'GET',
  path: () => path,
  own,
  shows,
});
const grantOf = (role: string, at: (side: Side) => string, own: string, other?: string): Row => ({
  method: 'PUT',
  path: (side, world) => `${at(side)}/roles/${world.role[role]}`,
  own,
  ...(other !== undefined && { other }),
});

export const table: Record<string, Row> = {
  'list users': list('users', domainLists, (side) => side.user),
  'list users of a named domain': {
    ...list('users', domainLists, (side) => side.user),
    path: (_, world) => `users?domain_id=${world.own.domain}`,
    own: domainReaders,
  },
  'show a user': get((side) => `users/${side.user}`, domainReaders, cloudReaders),
  'create a user': {
    method: 'POST',
    path: () => 'users',
    body: ({ domain }) => ({ user: { name: fresh(), domain_id: domain } }),
    own: domainManagers,
    other: cloudAdmins,
  },
  'change a user': {
    method: 'PATCH',
    path: (side) => `users/${side.user}`,
    body: () => ({ user: { description: 'x' } }),
    own: domainManagers,
    other: cloudAdmins,
  },
  "list a user's projects": get(
    (side) => `users/${side.user}/projects`,
    domainReaders,
    cloudReaders,
  ),
  "list a user's groups": get((side) => `users/${side.user}/groups`, domainReaders, cloudReaders),
  'list groups': list('groups', domainLists, (side) => side.group),
  'show a group': get((side) => `groups/${side.group}`, domainReaders, cloudReaders),
  'create a group': {
    method: 'POST',
    path: () => 'groups',
    body: ({ domain }) => ({ group: { name: fresh(), domain_id: domain } }),
    own: domainManagers,
    other: cloudAdmins,
  },
  'change a group': {
    method: 'PATCH',
    path: (side) => `groups/${side.group}`,
    body: () => ({ group: { description: 'x' } }),
    own: domainManagers,
    other: cloudAdmins,
  },
  'list the users of a group': get(
    (side) => `groups/${side.group}/users`,
    domainReaders,
    cloudReaders,
  ),
  'add a user to a group': {
    method: 'PUT',
    path: (side) => `groups/${side.group}/users/${side.user}`,
    own: domainManagers,
    other: cloudAdmins,
  },
  'check a user in a group': get(
    (side) => `groups/${side.group}/users/${side.user}`,
    domainReaders,
    cloudReaders,
  ),
  'add a user of the own domain to a group of another': {
    method: 'PUT',
    path: (_, { own, other }) => `groups/${other.group}/users/${own.user}`,
    own: cloudAdmins,
  },
  'add a user of another domain to an own group': {
    method: 'PUT',
    path: (_, { own, other }) => `groups/${own.group}/users/${other.user}`,
    own: cloudAdmins,
  },
  'list projects': list('projects', domainLists, (side) => side.sibling),
  'list domains as projects': {
    ...list('projects?is_domain=true', cloudReaders, (side) => side.domain),
    own: 'AAAA NNNN A---',
  },
  'show the project of the token': get(
    (side) => `projects/${side.project}`,
    everybody,
    cloudReaders,
  ),
  'show a project': get((side) => `projects/${side.sibling}`, domainReaders, cloudReaders),
  'create a project': {
    method: 'POST',
    path: () => 'projects',
    body: ({ domain }) => ({ project: { name: fresh(), domain_id: domain } }),
    own: domainManagers,
    other: cloudAdmins,
  },
  'create a project below another': {
    method: 'POST',
    path: () => 'projects',
    body: ({ sibling }) => ({ project: { name: fresh(), parent_id: sibling } }),
    own: domainManagers,
    other: cloudAdmins,
  },
  'create a project that is a domain': {
    method: 'POST',
    path: () => 'projects',
    body: () => ({ project: { name: fresh(), is_domain: true } }),
    own: cloudAdmins,
  },
  'change a project': {
    method: 'PATCH',
    path: (side) => `projects/${side.sibling}`,
    body: () => ({ project: { description: 'x' } }),
    own: domainManagers,
    other: cloudAdmins,
  },
  'list the tags of a project': get(
    (side) => `projects/${side.sibling}/tags`,
    domainReaders,
    cloudReaders,
  ),
  'replace the tags of a project': {
    method: 'PUT',
    path: (side) => `projects/${side.sibling}/tags`,
    body: () => ({ tags: ['x'] }),
    own: domainManagers,
    other: cloudAdmins,
  },
  'add a tag to a project': {
    method: 'PUT',
    path: (side) => `projects/${side.sibling}/tags/${fresh()}`,
    own: domainManagers,
    other: cloudAdmins,
  },
  'remove the tags of a project': {
    method: 'DELETE',
    path: (side) => `projects/${side.sibling}/tags`,
    own: domainManagers,
    other: cloudAdmins,
  },
  'list domains': list('domains', domainLists, (side) => side.domain),
  'show a domain': get((side) => `domains/${side.domain}`, everybody, cloudReaders),
  'create a domain': {
    method: 'POST',
    path: () => 'domains',
    body: () => ({ domain: { name: fresh() } }),
    own: cloudAdmins,
  },
  'change a domain': {
    method: 'PATCH',
    path: (side) => `domains/${side.domain}`,
    body: () => ({ domain: { description: 'x' } }),
    own: cloudAdmins,
    other: cloudAdmins,
  },
  'show the options of a domain': get(
    (side) => `domains/${side.domain}/config`,
    cloudReaders,
    cloudReaders,
  ),
  'list roles': get(() => 'roles', 'AAAA AA-- A---'),
  'list the roles of a domain': get(
    (side) => `roles?domain_id=${side.domain}`,
    cloudReaders,
    cloudReaders,
  ),
  'show a role that managers hand out': get(
    (_, { role }) => `roles/${role['member']}`,
    'AAAA AA-- AA--',
  ),
  'show another role': get((_, { role }) => `roles/${role['tool']}`, 'AAAA A--- A---'),
  'create a role': {
    method: 'POST',
    path: () => 'roles',
    body: () => ({ role: { name: fresh() } }),
    own: cloudAdmins,
  },
  'create a role of a domain': {
    method: 'POST',
    path: () => 'roles',
    body: ({ domain }) => ({ role: { name: fresh(), domain_id: domain } }),
    own: cloudAdmins,
    other: cloudAdmins,
  },
  'list what a role implies': get((_, { role }) => `roles/${role['admin']}/implies`, cloudReaders),
  'let a role imply another': {
    method: 'PUT',
    path: (_, { role }) => `roles/${role['tool']}/implies/${role['reader']}`,
    own: cloudAdmins,
  },
  'list role inferences': get(() => 'role_inferences', cloudReaders),
  'list role assignments': list('role_assignments', domainLists, (side) => side.sibling),
  'list grants on a project': get(
    (side) => `projects/${side.sibling}/users/${side.user}/roles`,
    domainReaders,
    cloudReaders,
  ),
  'list grants on a domain': get(
    (side) => `domains/${side.domain}/groups/${side.group}/roles`,
    domainReaders,
    cloudReaders,
  ),
  'list grants on the system': get(
    (side) => `system/users/${side.user}/roles`,
    cloudReaders,
    cloudReaders,
  ),
  'give member on a project': grantOf(
    'member',
    (side) => `projects/${side.sibling}/users/${side.user}`,
    domainManagers,
    cloudAdmins,
  ),
  'give member on a domain': grantOf(
    'member',
    (side) => `domains/${side.domain}/groups/${side.group}`,
    domainManagers,
    cloudAdmins,
  ),
  'give member to a user on a domain': grantOf(
    'member',
    (side) => `domains/${side.domain}/users/${side.user}`,
    domainManagers,
    cloudAdmins,
  ),
  'give another role on a project': grantOf(
    'tool',
    (side) => `projects/${side.sibling}/users/${side.user}`,
    'A--- A--- A---',
    cloudAdmins,
  ),
  'give admin on the own domain': grantOf(
    'admin',
    (side) => `domains/${side.domain}/users/${side.user}`,
    'A--- A--- A---',
    cloudAdmins,
  ),
  'give admin on a project': grantOf(
    'admin',
    (side) => `projects/${side.sibling}/users/${side.user}`,
    cloudAdmins,
    cloudAdmins,
  ),
  'give service on a project': grantOf(
    'service',
    (side) => `projects/${side.sibling}/users/${side.user}`,
    cloudAdmins,
    cloudAdmins,
  ),
  'give service on the own domain': grantOf(
    'service',
    (side) => `domains/${side.domain}/users/${side.user}`,
    cloudAdmins,
    cloudAdmins,
  ),
  'give a role that implies admin on a project': grantOf(
    'disguise',
    (side) => `projects/${side.sibling}/users/${side.user}`,
    cloudAdmins,
    cloudAdmins,
  ),
  'give admin on the projects of a domain': {
    method: 'PUT',
    path: (side, { role }) =>
      `OS-INHERIT/domains/${side.domain}/users/${side.user}/roles/${role['admin']}/inherited_to_projects`,
    own: cloudAdmins,
    other: cloudAdmins,
  },
  'give member on the projects of a domain': {
    method: 'PUT',
    path: (side, { role }) =>
      `OS-INHERIT/domains/${side.domain}/users/${side.user}/roles/${role['member']}/inherited_to_projects`,
    own: domainManagers,
    other: cloudAdmins,
  },
  'give reader on the system': grantOf(
    'reader',
    (side) => `system/users/${side.user}`,
    cloudAdmins,
    cloudAdmins,
  ),
  'give an own user a role on a project of another domain': {
    method: 'PUT',
    path: (_, { own, other, role }) =>
      `projects/${other.sibling}/users/${own.user}/roles/${role['member']}`,
    own: cloudAdmins,
  },
  'give a user of another domain a role on an own project': {
    method: 'PUT',
    path: (_, { own, other, role }) =>
      `projects/${own.sibling}/users/${other.user}/roles/${role['member']}`,
    own: cloudAdmins,
  },
  'list regions': get(() => 'regions', everybody),
  'create a region': {
    method: 'POST',
    path: () => 'regions',
    body: () => ({ region: { id: fresh() } }),
    own: cloudAdmins,
  },
  'list services': get(() => 'services', cloudReaders),
  'create a service': {
    method: 'POST',
    path: () => 'services',
    body: () => ({ service: { type: fresh() } }),
    own: cloudAdmins,
  },
  'list endpoints': get(() => 'endpoints', cloudReaders),
  'list policies': get(() => 'policies', cloudReaders),
  'list consumers': get(() => 'OS-OAUTH1/consumers', cloudReaders),
  'list endpoint groups': get(() => 'OS-EP-FILTER/endpoint_groups', cloudReaders),
  'list registered limits': get(() => 'registered_limits', everybody),
  'list limits': list('limits', 'AAAA FFFF AFFF', (side) => side.limit),
  'change a limit': {
    method: 'PATCH',
    path: (side) => `limits/${side.limit}`,
    body: () => ({ limit: { resource_limit: 3 } }),
    own: cloudAdmins,
    other: cloudAdmins,
  },
  "list another user's application credentials": get(
    (side) => `users/${side.user}/application_credentials`,
    cloudReaders,
    cloudReaders,
  ),
  "list another user's access rules": get(
    (side) => `users/${side.user}/access_rules`,
    cloudReaders,
    cloudReaders,
  ),
  "list another user's EC2 credentials": get(
    (side) => `users/${side.user}/credentials/OS-EC2`,
    cloudReaders,
    cloudReaders,
  ),
  'create a credential of another user': {
    method: 'POST',
    path: () => 'credentials',
    body: ({ user }) => ({ credential: { user_id: user, type: 'totp', blob: 'x' } }),
    own: cloudAdmins,
    other: cloudAdmins,
  },
  'list all trusts': get(() => 'OS-TRUST/trusts', cloudReaders),
};

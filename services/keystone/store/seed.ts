// Inserts what a new cloud starts with: domain, roles, projects, users, catalog. Each step looks
// first, so that it is safe to repeat. Called by api/seed.ts, which hashes the passwords.
import { transaction, upsert } from '#platform/db/transaction.ts';
import type { Ids } from '#platform/ids.ts';
import { grant } from './assignments.ts';
import { findProject, findProjectByName } from './projects.ts';
import { addImplication, findGlobalRoleId } from './roles.ts';
import type { Db } from './tables.ts';
import { findUserByName } from './users.ts';

export interface CloudSeed {
  region: string;
  /**
   * E.g. {type: 'compute', name: 'nova', url: 'http://127.0.0.1:8700/compute/v2.1'}; the URL is
   * used for all three interfaces.
   */
  catalog: readonly { type: string; name: string; url: string }[];
  /**
   * admin, demo, and service users; the latter get roles service and admin on project `service`.
   * `hash` undefined: the stored password is kept.
   */
  users: readonly { name: string; hash: string | undefined }[];
}

interface SeedDeps {
  ids: Ids;
  nowMs: number;
}

export const defaultDomainId = 'default';
const projects = ['admin', 'demo', 'service'];
const roles = ['admin', 'manager', 'member', 'reader', 'service'];
const implied: [string, string][] = [
  ['admin', 'manager'],
  ['manager', 'member'],
  ['member', 'reader'],
];
const endpointInterfaces = ['public', 'internal', 'admin'];

/** Runs in one transaction; deletes nothing. */
export async function seedCloud(db: Db, deps: SeedDeps, seed: CloudSeed): Promise<void> {
  await transaction(db, async (trx) => {
    await seedDomain(trx);
    const projectIds = await idsOf(projects, (name) => ensureProject(trx, deps, name));
    const roleIds = await idsOf(roles, (name) => ensureRole(trx, deps, name));
    for (const [prior, next] of implied) await addImplication(trx, roleIds(prior), roleIds(next));
    const userIds = new Map<string, string>();
    for (const user of seed.users)
      userIds.set(user.name, await ensureUser(trx, deps, user, projectIds(homeProject(user.name))));
    const give = async (user: string, project: string | null, role: string): Promise<void> =>
      grant(trx, {
        actor_kind: 'user',
        actor_id: userIds.get(user) ?? '',
        target_kind: project === null ? 'system' : 'project',
        target_id: project === null ? 'system' : projectIds(project),
        role_id: roleIds(role),
        inherited: 0,
      });
    await give('admin', 'admin', 'admin');
    await give('admin', null, 'admin');
    await give('admin', 'demo', 'admin');
    await give('demo', 'demo', 'member');
    for (const { name } of seed.users.filter((user) => homeProject(user.name) === 'service'))
      for (const role of ['service', 'admin']) await give(name, 'service', role);
    await seedCatalog(trx, deps, seed);
  });
}

function homeProject(user: string): string {
  return user === 'admin' || user === 'demo' ? user : 'service';
}

async function idsOf(
  names: readonly string[],
  ensure: (name: string) => Promise<string>,
): Promise<(name: string) => string> {
  const ids = new Map<string, string>();
  for (const name of names) ids.set(name, await ensure(name));
  return (name) => {
    const id = ids.get(name);
    if (id === undefined) throw new Error(`seed: ${name} was not inserted`);
    return id;
  };
}

async function seedDomain(db: Db): Promise<void> {
  if (await findProject(db, defaultDomainId)) return;
  await db
    .insertInto('project')
    .values({
      id: defaultDomainId,
      name: 'Default',
      domain_id: '',
      parent_id: null,
      is_domain: 1,
      enabled: 1,
      description: 'The default domain',
      options: '{}',
      extra: '{}',
    })
    .execute();
}

async function ensureProject(db: Db, { ids }: SeedDeps, name: string): Promise<string> {
  const present = await findProjectByName(db, defaultDomainId, name);
  if (present) return present.id;
  const id = ids.hex();
  await db
    .insertInto('project')
    .values({
      id,
      name,
      domain_id: defaultDomainId,
      parent_id: defaultDomainId,
      is_domain: 0,
      enabled: 1,
      description: '',
      options: '{}',
      extra: '{}',
    })
    .execute();
  return id;
}

async function ensureRole(db: Db, { ids }: SeedDeps, name: string): Promise<string> {
  const present = await findGlobalRoleId(db, { name });
  if (present !== undefined) return present;
  const id = ids.hex();
  await db
    .insertInto('role')
    .values({ id, name, domain_id: '', description: null, options: '{}', extra: '{}' })
    .execute();
  return id;
}

/** Creates or updates a user. A new hash invalidates tokens issued with the old password. */
async function ensureUser(
  db: Db,
  { ids, nowMs }: SeedDeps,
  { name, hash }: CloudSeed['users'][number],
  projectId: string,
): Promise<string> {
  const present = await findUserByName(db, defaultDomainId, name);
  if (present) {
    if (hash !== undefined)
      await db
        .updateTable('user')
        .set({ password_hash: hash, failed_logins: 0, tokens_valid_from: nowMs })
        .where('id', '=', present.id)
        .execute();
    return present.id;
  }
  const id = ids.hex();
  const isService = homeProject(name) === 'service';
  await db
    .insertInto('user')
    .values({
      id,
      name,
      domain_id: defaultDomainId,
      default_project_id: isService ? null : projectId,
      enabled: 1,
      password_hash: hash ?? '',
      // Otherwise anybody could lock a service out by guessing its password.
      options: isService ? '{"ignore_lockout_failure_attempts":true}' : '{}',
      extra: '{}',
      failed_logins: 0,
      failed_at: 0,
      tokens_valid_from: 0,
    })
    .execute();
  return id;
}

async function seedCatalog(
  db: Db,
  { ids }: SeedDeps,
  { region, catalog }: CloudSeed,
): Promise<void> {
  await upsert(db, 'region', { id: region, parent_region_id: null, description: '', extra: '{}' }, [
    'id',
  ]);
  for (const { type, name, url } of catalog) {
    const service = await db
      .selectFrom('service')
      .select('id')
      .where('type', '=', type)
      .where('name', '=', name)
      .executeTakeFirst();
    const serviceId = service?.id ?? ids.hex();
    if (!service)
      await db
        .insertInto('service')
        .values({ id: serviceId, type, name, enabled: 1, extra: '{}' })
        .execute();
    for (const face of endpointInterfaces) {
      const endpoint = await db
        .selectFrom('endpoint')
        .select('id')
        .where('service_id', '=', serviceId)
        .where('interface', '=', face)
        .where('region_id', '=', region)
        .executeTakeFirst();
      if (endpoint)
        await db.updateTable('endpoint').set({ url }).where('id', '=', endpoint.id).execute();
      else
        await db
          .insertInto('endpoint')
          .values({
            id: ids.hex(),
            service_id: serviceId,
            interface: face,
            region_id: region,
            url,
            enabled: 1,
            extra: '{}',
          })
          .execute();
    }
  }
}

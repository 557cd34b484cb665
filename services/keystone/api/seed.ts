// What a fresh cloud starts with: domain, roles, projects, users, catalog. Each step looks first,
// so it is safe to repeat.
import { isFault } from '#contracts/common/fault.ts';
import { transaction, upsert } from '#platform/db/transaction.ts';
import type { Secret } from '#platform/log.ts';
import { grant } from '../store/assignments.ts';
import type { Db, Keystone } from './keystone.ts';

export interface SeedPlan {
  region: string;
  /**
   * Sets the password of `admin` when the user is made, and again when it has changed here: the
   * plan is what `openrc` prints.
   */
  adminPassword: Secret;
  demoPassword: Secret;
  /**
   * Users of services, in project `service` with roles service and admin, e.g. nova, glance,
   * placement.
   */
  serviceUsers: { name: string; password: Secret }[];
  /**
   * e.g. {type: 'compute', name: 'nova', url: 'http://127.0.0.1:8700/compute/v2.1'}; the same URL
   * for all three interfaces.
   */
  catalog: { type: string; name: string; url: string }[];
}

const defaultDomainId = 'default';
const projects = ['admin', 'demo', 'service'];
const roles = ['admin', 'manager', 'member', 'reader', 'service'];
const implied: [string, string][] = [
  ['admin', 'manager'],
  ['manager', 'member'],
  ['member', 'reader'],
];

export async function seed(k: Keystone, plan: SeedPlan): Promise<void> {
  const users = [
    { name: 'admin', password: plan.adminPassword },
    { name: 'demo', password: plan.demoPassword },
    ...plan.serviceUsers,
  ];
  // Outside of the transaction: a hash takes its time.
  const hashes = await Promise.all(
    users.map(async (user) => ({
      name: user.name,
      hash: await hashUnlessKept(k, user.name, user.password.reveal()),
    })),
  );
  await transaction(k.db, async (db) => {
    await seedDomain(db);
    const projectIds = await ensure(projects, (name) => projectId(k, db, name));
    const roleIds = await ensure(roles, (name) => roleId(k, db, name));
    for (const [prior, next] of implied) {
      await upsert(
        db,
        'implied_role',
        { prior_role_id: roleIds(prior), implied_role_id: roleIds(next) },
        ['prior_role_id', 'implied_role_id'],
      );
    }
    const userIds = new Map<string, string>();
    for (const { name, hash } of hashes)
      userIds.set(name, await userId(k, db, name, hash, projectIds(home(name))));
    const on = async (user: string, project: string | null, role: string): Promise<void> =>
      grant(db, {
        actor_kind: 'user',
        actor_id: userIds.get(user) ?? '',
        target_kind: project === null ? 'system' : 'project',
        target_id: project === null ? 'system' : projectIds(project),
        role_id: roleIds(role),
        inherited: 0,
      });
    await on('admin', 'admin', 'admin');
    await on('admin', null, 'admin');
    await on('admin', 'demo', 'admin');
    await on('demo', 'demo', 'member');
    for (const { name } of plan.serviceUsers)
      for (const role of ['service', 'admin']) await on(name, 'service', role);
    await seedCatalog(k, db, plan);
  });
}

function home(user: string): string {
  return user === 'admin' || user === 'demo' ? user : 'service';
}

/** Undefined when the user has this password already: a new hash would say nothing new. */
async function hashUnlessKept(
  k: Keystone,
  name: string,
  password: string,
): Promise<string | undefined> {
  const user = await k.db
    .selectFrom('user')
    .select('password_hash')
    .where('domain_id', '=', defaultDomainId)
    .where('name', '=', name)
    .executeTakeFirst();
  const turn = { source: '', user: name };
  const kept = user ? await k.passwords.verify(password, user.password_hash, turn) : false;
  const hash = kept === true ? undefined : await k.passwords.hash(password, turn);
  if (isFault(kept) || isFault(hash))
    throw new Error(`seed: the password of ${name} could not be hashed`, { cause: kept });
  return hash;
}

async function ensure(
  names: readonly string[],
  make: (name: string) => Promise<string>,
): Promise<(name: string) => string> {
  const ids = new Map<string, string>();
  for (const name of names) ids.set(name, await make(name));
  return (name) => {
    const id = ids.get(name);
    if (id === undefined) throw new Error(`seed: ${name} was not made`);
    return id;
  };
}

async function seedDomain(db: Db): Promise<void> {
  const there = await db
    .selectFrom('project')
    .select('id')
    .where('id', '=', defaultDomainId)
    .executeTakeFirst();
  if (there) return;
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

async function projectId(k: Keystone, db: Db, name: string): Promise<string> {
  const there = await db
    .selectFrom('project')
    .select('id')
    .where('domain_id', '=', defaultDomainId)
    .where('name', '=', name)
    .executeTakeFirst();
  if (there) return there.id;
  const id = k.ids.hex();
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

async function roleId(k: Keystone, db: Db, name: string): Promise<string> {
  const there = await db
    .selectFrom('role')
    .select('id')
    .where('domain_id', '=', '')
    .where('name', '=', name)
    .executeTakeFirst();
  if (there) return there.id;
  const id = k.ids.hex();
  await db
    .insertInto('role')
    .values({ id, name, domain_id: '', description: null, options: '{}', extra: '{}' })
    .execute();
  return id;
}

async function userId(
  k: Keystone,
  db: Db,
  name: string,
  hash: string | undefined,
  defaultProjectId: string,
): Promise<string> {
  const there = await db
    .selectFrom('user')
    .select('id')
    .where('domain_id', '=', defaultDomainId)
    .where('name', '=', name)
    .executeTakeFirst();
  if (there) {
    if (hash !== undefined)
      await db
        .updateTable('user')
        .set({ password_hash: hash, failed_logins: 0, tokens_valid_from: k.clock.now() })
        .where('id', '=', there.id)
        .execute();
    return there.id;
  }
  const id = k.ids.hex();
  const isService = home(name) === 'service';
  await db
    .insertInto('user')
    .values({
      id,
      name,
      domain_id: defaultDomainId,
      default_project_id: isService ? null : defaultProjectId,
      enabled: 1,
      password_hash: hash ?? '',
      // Nobody may lock the services out by guessing at their passwords.
      options: isService ? '{"ignore_lockout_failure_attempts":true}' : '{}',
      extra: '{}',
      failed_logins: 0,
      failed_at: 0,
      tokens_valid_from: 0,
    })
    .execute();
  return id;
}

async function seedCatalog(k: Keystone, db: Db, { region, catalog }: SeedPlan): Promise<void> {
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
    const serviceId = service?.id ?? k.ids.hex();
    if (!service)
      await db
        .insertInto('service')
        .values({ id: serviceId, type, name, enabled: 1, extra: '{}' })
        .execute();
    for (const face of ['public', 'internal', 'admin']) {
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
            id: k.ids.hex(),
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

// Seeds a cloud under the passwords that its operator was told. Called by role.ts.
import { isFault } from '#contracts/common/fault.ts';
import type { Secret } from '#platform/log.ts';
import { defaultDomainId, seedCloud, type CloudSeed } from '../store/seed.ts';
import { findUserByName } from '../store/users.ts';
import type { Keystone } from './keystone.ts';

export interface SeedPlan extends Omit<CloudSeed, 'users'> {
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
}

export async function seed(k: Keystone, plan: SeedPlan): Promise<void> {
  const passwords = [
    { name: 'admin', password: plan.adminPassword },
    { name: 'demo', password: plan.demoPassword },
    ...plan.serviceUsers,
  ];
  // Outside of the transaction: a hash takes its time.
  const users = await Promise.all(
    passwords.map(async ({ name, password }) => ({
      name,
      hash: await hashUnlessKept(k, name, password.reveal()),
    })),
  );
  const { region, catalog } = plan;
  await seedCloud(k.db, { ids: k.ids, nowMs: k.clock.now() }, { region, catalog, users });
}

/** Undefined when the user has this password already: a new hash would say nothing new. */
async function hashUnlessKept(
  k: Keystone,
  name: string,
  password: string,
): Promise<string | undefined> {
  const user = await findUserByName(k.db, defaultDomainId, name);
  const turn = { source: '', user: name };
  const kept = user ? await k.passwords.verify(password, user.password_hash, turn) : false;
  const hash = kept === true ? undefined : await k.passwords.hash(password, turn);
  if (isFault(kept) || isFault(hash))
    throw new Error(`seed: the password of ${name} could not be hashed`, { cause: kept });
  return hash;
}

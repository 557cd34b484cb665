// Seeds a cloud with the passwords that were given to its operator. Called by role.ts.
import { isFault } from '#contracts/common/fault.ts';
import type { Secret } from '#platform/log.ts';
import { defaultDomainId, seedCloud, type CloudSeed } from '../store/seed.ts';
import { findUserByName } from '../store/users.ts';
import type { Keystone } from './keystone.ts';

export interface SeedPlan extends Omit<CloudSeed, 'users'> {
  /**
   * The password of `admin`. It is set when the user is created and again whenever the plan
   * changes, since `openrc` prints the plan's password.
   */
  adminPassword: Secret;
  demoPassword: Secret;
  /**
   * Service users, with roles service and admin on project `service`, e.g. nova, glance, placement.
   */
  serviceUsers: { name: string; password: Secret }[];
}

export async function seed(k: Keystone, plan: SeedPlan): Promise<void> {
  const passwords = [
    { name: 'admin', password: plan.adminPassword },
    { name: 'demo', password: plan.demoPassword },
    ...plan.serviceUsers,
  ];
  // Before the transaction, since hashing is slow.
  const users = await Promise.all(
    passwords.map(async ({ name, password }) => ({
      name,
      hash: await hashUnlessKept(k, name, password.reveal()),
    })),
  );
  const { region, catalog } = plan;
  await seedCloud(k.db, { ids: k.ids, nowMs: k.clock.now() }, { region, catalog, users });
}

/**
 * The hash to store for a password; undefined: the user has this password already and keeps the
 * stored hash.
 */
async function hashUnlessKept(
  k: Keystone,
  name: string,
  password: string,
): Promise<string | undefined> {
  const user = await findUserByName(k.db, defaultDomainId, name);
  const turn = { source: '', user: name };
  const verification = user ? await k.passwords.verify(password, user.password_hash, turn) : false;
  const hash = verification === true ? undefined : await k.passwords.hash(password, turn);
  if (isFault(verification) || isFault(hash))
    throw new Error(`seed: the password of ${name} could not be hashed`, { cause: verification });
  return hash;
}

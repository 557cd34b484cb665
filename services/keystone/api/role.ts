// The role `keystone`: the Identity API. Any number of processes may run it on one database and one
// shared folder of Fernet keys. Created by compose.
import type { TokenValidator } from '#openstack/auth/context.ts';
import { titleOf } from '#openstack/http/faults-to-http.ts';
import type { Role } from '#openstack/role.ts';
import { keystoneDefaults, type KeystoneDeps } from '../deps.ts';
import type { Keystone } from './keystone.ts';
import {
  argon2id,
  createPasswords,
  defaultPasswordCost,
  type DeriveHash,
  type PasswordCost,
} from './passwords/passwords.ts';
import { policies } from './policies.ts';
import { keystoneRoutes } from './routes.ts';
import { seed, type SeedPlan } from './seed.ts';
import { openFernetKeys } from './tokens/fernet-keys.ts';
import { createTokens } from './tokens/tokens.ts';

export interface KeystoneApiDeps extends KeystoneDeps {
  /** The folder of Fernet keys; created if it does not exist. */
  keysFolder: string;
  /** Cost of password hashing. Bounds of the queue come from `config` instead. */
  passwordCost?: Omit<PasswordCost, 'maxWaiting' | 'maxWaitingPerSource'>;
  /**
   * For simulations: a hash function that runs in this thread, so that the order of events is
   * deterministic.
   */
  deriveHash?: DeriveHash;
  /**
   * True if other processes write to the same database. Then token checks are not cached, since
   * their writes would not invalidate the cache.
   */
  shared?: boolean;
}

export interface KeystoneApi extends Role {
  /**
   * Validates a token against the present state: a revocation in this process has effect at once.
   * For services in the same process.
   */
  tokens: TokenValidator;
  /**
   * Creates the objects that a new cloud needs. Safe to repeat; deletes nothing. Call after the
   * migrations.
   */
  seed(plan: SeedPlan): Promise<void>;
  /**
   * Makes the staged Fernet key the primary one. Tokens made with earlier keys stay valid until
   * those are rotated out. `cobalt keys rotate` calls it from outside.
   */
  rotateKeys(): Promise<unknown>;
}

const maxRememberedTokens = 10_000;
/**
 * How often the key folder is read. After a rotation by another process our primary key is an old
 * one; we must notice before it is rotated out.
 */
const keyReloadMs = 60_000;

/**
 * Creates the API. Asynchronous, as it reads the key folder. The database may still be unmigrated.
 */
export async function createKeystoneApi(deps: KeystoneApiDeps): Promise<KeystoneApi> {
  const { db, clock, ids, log } = deps;
  const keys = await openFernetKeys({ folder: deps.keysFolder }, { clock, ids });
  const tokens = createTokens({
    db,
    clock,
    keys,
    maxRemembered: deps.shared ? 0 : maxRememberedTokens,
  });
  const config = { ...keystoneDefaults, ...deps.config };
  const bounds = {
    maxWaiting: config.passwordsWaiting,
    maxWaitingPerSource: config.passwordsWaitingPerSource,
  };
  const passwords = createPasswords(
    { ...(deps.passwordCost ?? defaultPasswordCost), ...bounds },
    ids,
    deps.deriveHash ?? argon2id,
  );
  const k: Keystone = { db, clock, ids, log, config, passwords, tokens };
  return {
    name: 'keystone',
    http: [
      {
        name: 'keystone',
        serviceType: 'identity',
        mount: '/identity',
        routes: keystoneRoutes(k),
        policies,
        faultStyle: {
          body: (status, fault) => ({
            error: { code: status, message: fault.message, title: titleOf[status] ?? 'Error' },
          }),
        },
      },
    ],
    rpc: [],
    sagas: [],
    tasks: [
      {
        name: 'keystone.reload-keys',
        everyMs: keyReloadMs,
        scope: 'every',
        run: () => keys.reload(),
      },
    ],
    tokens: { validate: tokens.validate },
    async seed(plan) {
      await seed(k, plan);
      tokens.beginEpoch();
    },
    rotateKeys: () => keys.rotate(),
  };
}

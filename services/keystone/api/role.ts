// The role `keystone`: the Identity API. Any number of processes may run it on one database and one
// folder of keys. Called by compose.
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
  /** Folder of the Fernet keys; made where it is not there. */
  keysFolder: string;
  /** How many may wait is said by `config`. */
  passwordCost?: Omit<PasswordCost, 'maxWaiting' | 'maxWaitingPerSource'>;
  /** For simulations, where no other thread may have a say in what comes first. */
  deriveHash?: DeriveHash;
  /**
   * True where other processes write to the same database: then no token check is remembered here.
   */
  shared?: boolean;
}

export interface KeystoneApi extends Role {
  /**
   * Checks a token against the present state: what is revoked here is refused at once. For services
   * in this process.
   */
  tokens: TokenValidator;
  /**
   * Makes what a fresh cloud needs; safe to repeat, never takes anything away. After the
   * migrations.
   */
  seed(plan: SeedPlan): Promise<void>;
  /**
   * Makes the staged Fernet key primary. Tokens of the keys before stay valid until those are
   * rotated out. `cobalt keys rotate` does it from outside.
   */
  rotateKeys(): Promise<unknown>;
}

const maxRememberedTokens = 10_000;
/**
 * A rotation elsewhere makes our primary key an old one; it must be noticed well before that one is
 * rotated out.
 */
const keyReloadMs = 60_000;

/** Reads the key folder, so that it is asynchronous. The database may be migrated after. */
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

// Starts a seeded Keystone behind the real dispatcher, for Keystone's tests.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Answer, Loose } from '#openstack/http/api.testing.ts';
import { createDispatcher } from '#openstack/http/dispatcher.ts';
import { systemClock, type Clock } from '#platform/clock.ts';
import { openDatabase, type Database, type DatabaseConfig } from '#platform/db/database.ts';
import { migrate } from '#platform/db/migrate.ts';
import { testDatabase } from '#platform/db/test-database.testing.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { systemIds } from '#platform/ids.ts';
import { Secret, silentLog } from '#platform/log.ts';
import type { KeystoneConfig } from '../deps.ts';
import { migrations } from '../store/migrations/index.ts';
import type { KeystoneTables } from '../store/tables.ts';
import { createKeystoneApi, type KeystoneApi } from './role.ts';
import type { SeedPlan } from './seed.ts';

export const plan: SeedPlan = {
  region: 'RegionOne',
  adminPassword: new Secret('admin-secret'),
  demoPassword: new Secret('demo-secret'),
  serviceUsers: ['nova', 'glance', 'placement'].map((name) => ({
    name,
    password: new Secret(`${name}-secret`),
  })),
  catalog: [
    { type: 'identity', name: 'keystone', url: 'http://cloud/identity/v3' },
    { type: 'compute', name: 'nova', url: 'http://cloud/compute/v2.1' },
    { type: 'volumev3', name: 'cinderv3', url: 'http://cloud/volume/v3/$(project_id)s' },
  ],
};

export interface TestKeystone {
  role: KeystoneApi;
  database: Database<KeystoneTables>;
  /**
   * Sends a request through the dispatcher. `path` is relative to /identity/v3 unless it starts
   * with '/'.
   */
  ask(
    method: HttpMethod,
    path: string,
    options?: { token?: string; body?: Json; headers?: Record<string, string>; source?: string },
  ): Promise<Answer>;
  /** Logs a user of the default domain in and returns the token. Throws if the login is refused. */
  login(name: string, password: string, scope?: Json): Promise<string>;
  admin: string;
  demo: string;
  close(): Promise<void>;
}

export interface TestOptions {
  clock?: Clock;
  config?: Partial<KeystoneConfig>;
  database?: DatabaseConfig;
}

export const inDefault = (name: string): { name: string; domain: { id: string } } => ({
  name,
  domain: { id: 'default' },
});

export function passwordAuth(name: string, password: string, scope?: Json): Json {
  return {
    auth: {
      identity: { methods: ['password'], password: { user: { ...inDefault(name), password } } },
      ...(scope !== undefined && { scope }),
    },
  };
}

export async function startKeystone(options: TestOptions = {}): Promise<TestKeystone> {
  const folder = await mkdtemp(join(tmpdir(), 'cobalt-keystone-'));
  const database = openDatabase<KeystoneTables>(
    options.database ??
      (await testDatabase({ dialect: 'sqlite', path: join(folder, 'keystone.db') })),
    { log: silentLog },
  );
  const role = await createKeystoneApi({
    db: database.db,
    clock: options.clock ?? systemClock,
    ids: systemIds,
    log: silentLog,
    keysFolder: join(folder, 'keys'),
    config: { ...options.config },
    passwordCost: { memoryKib: 64, passes: 1, maxConcurrent: 4 },
  });
  await migrate(database.db, database.dialect, 'keystone', migrations);
  await role.seed(plan);
  const errors: unknown[] = [];
  const log = {
    ...silentLog,
    error: (facts: object) => errors.push(facts),
    child: () => silentLog,
  };
  const dispatcher = createDispatcher(role.http, {
    tokens: role.tokens,
    clock: options.clock ?? systemClock,
    ids: systemIds,
    log,
    identityUrl: 'http://cloud/identity',
  });

  const ask: TestKeystone['ask'] = async (method, path, { token, body, headers, source } = {}) => {
    const [place = '', query = ''] = (path.startsWith('/') ? path : `/identity/v3/${path}`).split(
      '?',
    );
    const reply = await dispatcher.handle({
      method,
      path: place,
      query,
      origin: 'http://cloud',
      headers: { ...headers, 'x-auth-token': token, 'content-type': 'application/json' },
      body: body === undefined ? null : { json: body },
      source,
    });
    if (reply.status === 500) throw new Error(`${method} ${path}: 500`, { cause: errors.at(-1) });
    // Through JSON text, as a client would receive it: undefined members and shared objects cannot
    // hide.
    return {
      status: reply.status,
      headers: reply.headers,
      body: reply.body === undefined ? undefined : JSON.parse(JSON.stringify(reply.body)),
    };
  };
  const login: TestKeystone['login'] = async (name, password, scope) => {
    const answer = await ask('POST', 'auth/tokens', { body: passwordAuth(name, password, scope) });
    if (answer.status !== 201)
      throw new Error(`no token for ${name}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.headers['x-subject-token'] ?? '';
  };
  return {
    role,
    database,
    ask,
    login,
    admin: await login('admin', 'admin-secret'),
    demo: await login('demo', 'demo-secret'),
    close: async () => {
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Whether Keystone still accepts the token. */
export async function isValid(keystone: TestKeystone, token: string): Promise<boolean> {
  return !isFault(await keystone.role.tokens.validate(token));
}

/** Sends requests as admin. `make` creates an object, must succeed, and returns the object. */
export function asAdmin(keystone: TestKeystone) {
  const ask = (method: HttpMethod, path: string, body?: Json): Promise<Answer> =>
    keystone.ask(method, path, { token: keystone.admin, body });
  return {
    ask,
    code: async (method: HttpMethod, path: string, body?: Json): Promise<number> =>
      (await ask(method, path, body)).status,
    async make(collection: string, key: string, body: Json): Promise<Loose> {
      const answer = await ask('POST', collection, { [key]: body });
      if (answer.status !== 201)
        throw new Error(`POST ${collection}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body[key];
    },
    roleId: async (name: string): Promise<string> =>
      (await ask('GET', `roles?name=${name}`)).body.roles[0].id,
  };
}

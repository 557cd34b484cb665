// A Placement for tests and benchmarks: real dispatcher, real SQLite in memory; by default the
// caller is an admin.
import { fault } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { AuthContext } from '#openstack/auth/context.ts';
import { createInProcessClient } from '#openstack/http/client.ts';
import { createDispatcher } from '#openstack/http/dispatcher.ts';
import { systemClock } from '#platform/clock.ts';
import { openDatabase } from '#platform/db/database.ts';
import type { Database, DatabaseConfig } from '#platform/db/database.ts';
import { migrate } from '#platform/db/migrate.ts';
import { testDatabase } from '#platform/db/test-database.testing.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { migrations } from '../store/migrations/index.ts';
import type { PlacementTables } from '../store/tables.ts';
import { createPlacementApi } from './role.ts';

export interface PlacementFixture {
  /** `body` is untyped, so that assertions can read deep into it. */
  ask(
    method: HttpMethod,
    path: string,
    body?: Json,
    options?: { version?: number; token?: string },
  ): Promise<{ status: number; headers: Readonly<Record<string, string>>; body: any }>;
  /** Creates a provider with VCPU, MEMORY_MB and DISK_GB; returns its id. */
  host(
    name: string,
    sizes?: Partial<Record<'VCPU' | 'MEMORY_MB' | 'DISK_GB', number>>,
    parent?: string,
  ): Promise<string>;
  /** For test data that would take too long to create through the API. */
  database: Database<PlacementTables>;
  close(): Promise<void>;
}

export const newest = 39;

export async function startPlacement(config?: DatabaseConfig): Promise<PlacementFixture> {
  const database = openDatabase<PlacementTables>(
    config ?? (await testDatabase({ dialect: 'sqlite', path: ':memory:' })),
    { log: silentLog },
  );
  const role = createPlacementApi({
    database,
    clock: systemClock,
    ids: systemIds,
  });
  await migrate(database.db, database.dialect, 'placement', migrations);
  const who: AuthContext = {
    userId: 'u',
    userName: 'u',
    userDomainId: 'default',
    projectId: 'p',
    projectName: 'p',
    projectDomainId: 'default',
    domainId: null,
    systemScope: false,
    roles: [],
    expiresAtMs: Infinity,
    token: '',
    appCredId: null,
    accessRules: null,
  };
  const roles: Record<string, string[]> = {
    admin: ['admin', 'member', 'reader'],
    service: ['service'],
    reader: ['reader'],
    system: ['admin'],
    domain: ['admin'],
  };
  const scopes: Record<string, Partial<AuthContext>> = {
    system: { projectId: null, systemScope: true },
    domain: { projectId: null, domainId: 'd' },
  };
  const dispatcher = createDispatcher(role.http, {
    tokens: {
      validate: async (token) =>
        roles[token]
          ? { ...who, ...scopes[token], token, roles: roles[token] }
          : fault('unauthorized', 'unknown'),
    },
    clock: systemClock,
    ids: systemIds,
    log: silentLog,
    identityUrl: 'http://id',
  });
  const http = createInProcessClient(
    { placement: '/placement' },
    'http://cloud',
    () => dispatcher,
    systemClock,
  );
  const fixture: PlacementFixture = {
    async ask(method, path, body, { version = newest, token = 'admin' } = {}) {
      const answer = await http.send({
        method,
        service: 'placement',
        path,
        token,
        body,
        headers: { 'openstack-api-version': `placement 1.${version}` },
      });
      if (isFault(answer)) throw new Error(answer.message);
      return answer;
    },
    async host(name, sizes = {}, parent) {
      const created = await fixture.ask('POST', '/resource_providers', {
        name,
        ...(parent === undefined ? {} : { parent_provider_uuid: parent }),
      });
      const { uuid } = created.body as { uuid: string };
      const wanted = { VCPU: 8, MEMORY_MB: 4096, DISK_GB: 100, ...sizes };
      const inventories = Object.fromEntries(
        Object.entries(wanted)
          .filter(([, total]) => total > 0)
          .map(([kind, total]) => [kind, { total }]),
      );
      await fixture.ask('PUT', `/resource_providers/${uuid}/inventories`, {
        resource_provider_generation: 0,
        inventories,
      });
      return uuid;
    },
    database,
    close: async () => await database.close(),
  };
  return fixture;
}

/** The body of a claim on one provider. `generation`: the consumer's; null: a new consumer. */
export const claimOf = (
  provider: string,
  resources: Record<string, number>,
  generation: number | null = null,
) => ({
  allocations: { [provider]: { resources } },
  project_id: 'p',
  user_id: 'u',
  consumer_generation: generation,
  consumer_type: 'INSTANCE',
});

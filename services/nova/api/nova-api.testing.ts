// Nova's API behind the real dispatcher, over a real database (SQLite by default), for Nova's own
// tests. Only the outside is a double: a token is the name of one of the people below, and other
// services answer what the test sets.
import type { HostFacts } from '#contracts/nova/guest.ts';
import type { AskInVersion } from '#openstack/http/api.testing.ts';
import { openTestApi, peopleRoles, projectOf } from '#openstack/http/api.testing.ts';
import type { CannedHttpClient } from '#openstack/http/canned-http-client.testing.ts';
import { cannedHttpClient } from '#openstack/http/canned-http-client.testing.ts';
import type { Role } from '#openstack/role.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import type { Clock } from '#platform/clock.ts';
import { openDatabase } from '#platform/db/database.ts';
import type { DatabaseConfig } from '#platform/db/database.ts';
import { migrate } from '#platform/db/migrate.ts';
import { testDatabase } from '#platform/db/test-database.testing.ts';
import { seededIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { createSagaQueue } from '#platform/saga/queue.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import { createNovaConductor } from '../conductor/role.ts';
import type { NovaConfig, NovaDeps } from '../deps.ts';
import { novaDefaults } from '../deps.ts';
import { planServerCreate } from '../domain/plan-server-create.ts';
import { createNovaMetadata } from '../metadata/role.ts';
import { createNovaScheduler } from '../scheduler/role.ts';
import { computeBinary, registerService, touchNode } from '../store/hosts.ts';
import { migrations } from '../store/migrations/index.ts';
import { insertServers, takeNumbers } from '../store/servers.ts';
import type { NovaTables, ServerRow } from '../store/tables.ts';
import { createNovaApi } from './role.ts';

export type Person = keyof typeof peopleRoles;

export interface NovaFixture extends Pick<CannedHttpClient, 'calls' | 'answerCalls'> {
  deps: NovaDeps;
  roles: Record<'api' | 'metadata' | 'conductor' | 'scheduler', Role>;
  /** The background tasks of all roles. */
  tasks: readonly Task[];
  clock: Clock & { nowMs: number };
  /** Sends a request to a path below /compute/v2.1/, by default in the lowest microversion. */
  ask: AskInVersion<Person>;
  addHost(host: string, facts?: Partial<HostFacts>): Promise<void>;
  addServer(row?: Partial<ServerRow>): Promise<ServerRow>;
  close(): Promise<void>;
}

export const startMs = Date.UTC(2026, 10, 22, 12);

export async function startNova(
  options: {
    config?: Partial<NovaConfig>;
    database?: DatabaseConfig;
    clock?: Clock;
    wakeSagas?: () => void;
  } = {},
): Promise<NovaFixture> {
  const database = openDatabase<NovaTables>(
    options.database ?? (await testDatabase({ dialect: 'sqlite', path: ':memory:' })),
    { log: silentLog },
  );
  const clock = createFakeClock({ startMs, movedBy: 'sleeps' });
  const time = options.clock ?? clock;
  const ids = seededIds(1);
  const http = cannedHttpClient();
  const deps: NovaDeps = {
    database,
    sagas: createSagaQueue({ db: database.db, clock: time }),
    clock: time,
    ids,
    log: silentLog,
    bus: createInProcessBus({ clock: time, ids, log: silentLog }),
    config: { ...novaDefaults, controlHost: 'control', ...options.config },
    session: { token: async () => 'nova', renew: () => undefined },
    http,
  };
  const roles = {
    api: createNovaApi(deps),
    metadata: createNovaMetadata(deps),
    conductor: createNovaConductor(deps, options.wakeSagas ?? (() => undefined)),
    scheduler: createNovaScheduler(deps),
  };
  for (const { topic, handlers } of [...roles.conductor.rpc, ...roles.scheduler.rpc])
    deps.bus.serve(topic, handlers);
  await migrate(database.db, database.dialect, 'nova', migrations);
  const { ask } = openTestApi(roles.api.http, {
    clock: time,
    ids,
    prefix: '/compute/v2.1/',
    roles: peopleRoles,
    projectOf,
  });
  return {
    deps,
    roles,
    tasks: Object.values(roles).flatMap(({ tasks }) => tasks),
    clock,
    calls: http.calls,
    answerCalls: http.answerCalls,
    ask: async (who, method, path, { body, version } = {}) =>
      await ask(who, method, path, body, {
        'openstack-api-version': version === undefined ? undefined : `compute 2.${version}`,
      }),
    addHost: async (host, facts) => {
      await registerService(database.db, { binary: computeBinary, host }, ids, time.now());
      await touchNode(database.db, host, hostFacts(host, facts), '1.0', ids, time.now());
    },
    addServer: async (row) => {
      const [number = 0] = await database.db
        .transaction()
        .execute(async (trx) => await takeNumbers(trx, 'servers', 1));
      const server = { ...serverRow(ids.uuid(), time.now()), number, ...row };
      await insertServers(database.db, [server]);
      return server;
    },
    close: async () => await database.close(),
  };
}

const hostFacts = (hostname: string, facts: Partial<HostFacts> = {}): HostFacts => ({
  hostname,
  hypervisorType: 'QEMU',
  hypervisorVersion: 7_002_000,
  acceleration: 'tcg',
  arch: 'x86_64',
  vcpus: 8,
  memoryMib: 16_384,
  diskGib: 100,
  freeDiskGib: 80,
  hostIp: '10.0.0.1',
  cpu: {
    arch: 'x86_64',
    model: 'Nehalem',
    vendor: 'Intel',
    features: ['sse'],
    topology: { cells: 1, sockets: 1, cores: 8, threads: 1 },
  },
  traits: [],
  ...facts,
});

/** A running server of project-a: 2 vCPUs, 1024 MiB, 10 GiB. */
export function serverRow(id: string, nowMs: number): Omit<ServerRow, 'number'> {
  const rows = planServerCreate({
    name: 'web',
    hostname: null,
    description: null,
    image: null,
    volumeImage: null,
    keypair: null,
    userData: null,
    metadata: {},
    tags: [],
    personality: [],
    rootTag: null,
    schedulerHints: {},
    serverGroupId: null,
    configDrive: null,
    flavor: {
      id: '1',
      name: 'm1.tiny',
      vcpus: 2,
      memoryMib: 1024,
      diskGib: 10,
      ephemeralGib: 0,
      swapMib: 0,
      rxtxFactor: 1,
      description: null,
      extraSpecs: {},
    },
    accessIPv4: null,
    accessIPv6: null,
    zone: null,
    diskConfig: 'MANUAL',
    adminPass: 'x',
    securityGroups: [],
    minCount: 1,
    maxCount: 1,
    projectId: 'project-a',
    userId: 'member',
    nowMs,
    reservationId: 'r-1',
    ids: [id],
  });
  const [row] = Array.isArray(rows) ? rows : [];
  if (!row) throw new Error('the plan of a plain server is refused');
  return {
    ...row,
    disk_gib: 10,
    vm_state: 'active',
    task_state: null,
    power_state: 1,
    host: 'h1',
    launched_at_ms: nowMs,
  };
}

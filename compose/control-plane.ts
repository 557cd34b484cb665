// The control plane of one process: some or all roles of the table, with their databases, one
// dispatcher, one bus. Used by the embedded cloud, `cobalt serve`, `cobalt migrate`, tests, and the
// generator of the reference documents.
import { createHttpTokenValidator } from '#openstack/auth/http-token-validator.ts';
import type { ServiceSession } from '#openstack/auth/service-session.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import { createInProcessClient } from '#openstack/http/client.ts';
import { createDispatcher } from '#openstack/http/dispatcher.ts';
import type { Dispatcher } from '#openstack/http/dispatcher.ts';
import type { HttpFace } from '#openstack/http/route.ts';
import type { Role } from '#openstack/role.ts';
import type { Bus } from '#platform/bus/bus.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import { withDeadline } from '#platform/clock.ts';
import { ConfigError } from '#platform/config/config.ts';
import { isDamaged } from '#platform/db/errors.ts';
import { migrate, missingMigrations } from '#platform/db/migrate.ts';
import { SagaRunner } from '#platform/saga/runner.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { createTaskLeases } from '#platform/tasks/task-leases.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import { createTaskRunner } from '#platform/tasks/tasks.ts';
import { mounts } from './catalog.ts';
import { readPolicyFiles } from './policy-files.ts';
import type { CloudProcess, ProcessDeps } from './process.ts';
import { createProcess } from './process.ts';
import type { RoleName } from './roles/table.ts';
import { loadService, makeRoles } from './roles/table.ts';
import type { DatabaseName } from './state-files.ts';

export interface ControlPlane {
  process: CloudProcess;
  dispatcher: Dispatcher;
  http: HttpClient;
  bus: Bus;
  /** The roles of this process. */
  roles: readonly Role[];
  /** The OpenStack APIs that these roles serve, without the metadata API of guests. */
  apis: readonly HttpFace[];
  /** The runner of the sagas of all roles. */
  sagas: { start(): Promise<void>; stop(): Promise<void> };
  /** The background tasks of all roles. */
  tasks: { start(): void; stop(): Promise<void> };
  /** A Keystone session of a service user, for agents and tools. */
  session(name: string): ServiceSession;
  close(): Promise<void>;
}

export interface ControlPlaneDeps extends Omit<ProcessDeps, 'bus' | 'http' | 'processName'> {
  /** For simulations: replaces the sagas' definitions before the runner gets them. */
  wrapSagas?: (definitions: readonly AnySaga[]) => readonly AnySaga[];
  /** For simulations: replaces the tasks before the runner gets them. */
  wrapTasks?: (tasks: readonly Task[]) => readonly Task[];
  /** For simulations: wraps the HTTP client by which the services call each other. */
  wrapHttp?: (http: HttpClient) => HttpClient;
  /**
   * A bus shared with agents and other control planes of the cloud; its owner closes it. By default
   * the control plane creates one of its own.
   */
  bus?: Bus;
  /** This process's name, as the owner of leases and claims; `embedded` by default. */
  processName?: string;
  /** Names of the roles to run; all by default. */
  roleNames?: readonly RoleName[];
  /** HTTP client by which services are called; by default calls go to this process's dispatcher. */
  http?: HttpClient;
  /**
   * Whether to migrate the databases. `require`: another process does, and this one refuses an old
   * schema. Default: `migrate`.
   */
  schema?: 'migrate' | 'require';
}

const messagesEndWithinMs = 10_000;

/**
 * Creates the roles, and migrates their databases unless `schema` is `require`. Nothing runs yet:
 * no socket, no saga, no task. Throws ConfigError if a database is damaged or has another release's
 * schema.
 */
export async function createControlPlane(deps: ControlPlaneDeps): Promise<ControlPlane> {
  const { origin, clock, ids, log, metrics } = deps;
  const owner = deps.processName ?? 'embedded';
  const observed = metrics ? { metrics } : {};
  const bus =
    deps.bus ??
    createInProcessBus({
      log: log.child({ component: 'bus' }),
      clock,
      ids,
      ...(metrics ? { observe: metrics.rpc } : {}),
    });
  // A cycle: roles hold the HTTP client, which calls the dispatcher, which holds the roles. So the
  // dispatcher is filled in last.
  const later: { dispatcher?: Dispatcher } = {};
  const direct = createInProcessClient(
    mounts,
    origin,
    () => {
      if (!later.dispatcher) throw new Error('a service was called before all roles were there');
      return later.dispatcher;
    },
    clock,
  );
  const http = deps.http ?? deps.wrapHttp?.(direct) ?? direct;
  const process = createProcess({ ...deps, bus, http, processName: owner });
  const byDatabase = await makeRoles(process, deps.roleNames);
  // Cortex has no database; it runs only beside all roles of an embedded cloud.
  const withoutDatabase =
    deps.config.cortex.enabled && deps.roleNames === undefined
      ? [(await import('./roles/cortex.ts')).makeCortex(process)]
      : [];
  const roles = [...[...byDatabase.values()].flat(), ...withoutDatabase];
  const prepare = deps.schema === 'require' ? requireSchema : migrateDatabase;
  for (const name of byDatabase.keys()) await prepare(process, name);

  const faces = roles.flatMap((role) => role.http);
  const dispatcher = createDispatcher(faces, {
    tokens:
      roles.find(({ tokens }) => tokens)?.tokens ??
      createHttpTokenValidator({ http, session: process.session('nova'), clock }),
    policyOverrides: await readPolicyFiles(deps.home.policyFiles, faces),
    clock,
    ids,
    log: log.child({ component: 'http' }),
    identityUrl: `${origin}/identity/v3`,
    ...observed,
  });
  later.dispatcher = dispatcher;
  const servings = roles.flatMap((role) =>
    role.rpc.map(({ topic, handlers, concurrency }) =>
      bus.serve(topic, handlers, concurrency === undefined ? {} : { concurrency }),
    ),
  );

  const runners = [...byDatabase].flatMap(([name, ofService]) => {
    const definitions = ofService.flatMap((role) => role.sagas);
    if (definitions.length === 0) return [];
    const runner = new SagaRunner({
      db: process.database(name).db,
      definitions: deps.wrapSagas?.(definitions) ?? definitions,
      owner,
      clock,
      ids,
      log: process.logOf(name),
      events: process.sagas(name).events,
      ...observed,
    });
    process.onWakeSagas(name, () => runner.wake());
    return [runner];
  });
  const tasks = createTaskRunner({
    clock,
    ids,
    log: log.child({ component: 'tasks' }),
    ...observed,
  });
  const stopSagas = async (): Promise<void> =>
    void (await Promise.all(runners.map(async (runner) => await runner.stop())));

  return {
    process,
    dispatcher,
    http,
    bus,
    roles,
    apis: faces.filter(({ serviceType }) => serviceType !== 'metadata'),
    session: (name) => process.session(name),
    sagas: {
      start: async () =>
        void (await Promise.all(runners.map(async (runner) => await runner.start()))),
      stop: stopSagas,
    },
    tasks: {
      start() {
        for (const [name, ofService] of byDatabase) {
          const all = ofService.flatMap((role) => role.tasks);
          tasks.start(
            deps.wrapTasks?.(all) ?? all,
            createTaskLeases({ db: process.database(name).db, owner, clock }),
          );
        }
        const all = withoutDatabase.flatMap((role) => role.tasks);
        tasks.start(deps.wrapTasks?.(all) ?? all);
      },
      stop: async () => await tasks.stop(),
    },
    async close() {
      await tasks.stop();
      await stopSagas();
      // Before the databases are closed: handlers of messages in progress need them.
      await withDeadline(
        Promise.all(servings.map(async (serving) => await serving.close())),
        messagesEndWithinMs,
        () => log.warn({ ms: messagesEndWithinMs }, 'stopped with messages in work'),
        clock,
      );
      for (const role of roles) await role.close?.();
      if (!deps.bus) await bus.close();
      await process.close();
    },
  };
}

async function requireSchema(process: CloudProcess, name: DatabaseName): Promise<void> {
  const { db } = process.database(name);
  const { migrations } = await loadService(name);
  const missing = await missingMigrations(db, name, migrations);
  if (missing.length > 0)
    throw new ConfigError(
      `The schema of the database of ${name} is older than this release: it misses ${missing.join(', ')}. Bring it up to date with: cobalt migrate`,
    );
}

/**
 * Applies the missing migrations of a service. Idempotent, also when several processes do it at
 * once.
 */
export async function migrateDatabase(process: CloudProcess, name: DatabaseName): Promise<void> {
  const { db, dialect } = process.database(name);
  try {
    const { migrations } = await loadService(name);
    await migrate(db, dialect, name, migrations);
  } catch (cause) {
    if (!isDamaged(cause)) throw cause;
    throw new ConfigError(
      `The database of ${name} in ${process.home.databases} is damaged (${(cause as Error).message}). Restore it from a backup, or begin anew with: cobalt up --reset`,
    );
  }
}

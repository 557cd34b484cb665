// Cinder behind the real dispatcher with a real saga runner and the simulated backend, over a real
// database (SQLite unless told), for this room's tests. Doubles stand at the ports alone: tokens
// are names of people below, other services answer what a test tells them to.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { SimVolumeWorld } from '#adapters/sim/sim-volumes.ts';
import { createSimVolumes } from '#adapters/sim/sim-volumes.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { AuthContext } from '#openstack/auth/context.ts';
import type { HttpAnswer, HttpCall } from '#openstack/http/client.ts';
import { createDispatcher } from '#openstack/http/dispatcher.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import type { Clock } from '#platform/clock.ts';
import { systemClock } from '#platform/clock.ts';
import type { DatabaseConfig } from '#platform/db/database.ts';
import { openDatabase } from '#platform/db/database.ts';
import { migrate } from '#platform/db/migrate.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { createSagaQueue } from '#platform/saga/queue.ts';
import { SagaRunner } from '#platform/saga/runner.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { memoryBackups } from '#ports/backup-store.testing.ts';
import type { VolumeBackend } from '#ports/volume-backend.ts';
import type { CinderConfig, CinderDeps } from '../deps.ts';
import { cinderDefaults } from '../deps.ts';
import { createCinder } from '../service.ts';
import type { CinderService } from '../service.ts';
import type { CinderTables } from '../store/tables.ts';

/** Any JSON, read by path in tests. */
// oxlint-disable-next-line typescript/no-explicit-any -- answers are read at many depths; assertions are the check
export type Loose = any;

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Loose;
}

const roles = {
  admin: ['admin', 'member', 'reader'],
  member: ['member', 'reader'],
  reader: ['reader'],
  other: ['member', 'reader'],
  nova: ['admin', 'member', 'reader', 'service'],
};
export type Person = keyof typeof roles;
/** `other` is a member of another project; the rest share one. */
export const projectOf = (person: Person): string =>
  person === 'other' ? 'project-b' : 'project-a';

export interface CinderBench {
  deps: CinderDeps;
  service: CinderService;
  sagas: SagaRunner;
  world: SimVolumeWorld;
  /** `path` is below /volume/v3/; `version` is the minor microversion, the greatest unless told. */
  ask(
    who: Person | null,
    method: HttpMethod,
    path: string,
    options?: { body?: Json; version?: number },
  ): Promise<Answer>;
  /** Asks as `member`, waits for all sagas, answers the object asked for last. */
  make(collection: string, key: string, body: Json): Promise<Loose>;
  show(collection: string, key: string, id: string): Promise<Loose>;
  /** Every call to other services, and what they answer: 404 unless told. */
  calls: HttpCall[];
  answerCalls(
    answer: (call: HttpCall) => { status: number; body?: Json; stream?: Readable } | 'silent',
  ): void;
  /** Resolves when no saga is left in the journal. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

export interface CinderBenchOptions {
  config?: Partial<CinderConfig>;
  database?: DatabaseConfig;
  /** Stands between the driver and Cinder. */
  wrapBackend?: (backend: VolumeBackend) => VolumeBackend;
  wrapSagas?: (sagas: readonly AnySaga[]) => readonly AnySaga[];
  clock?: Clock;
}

export async function startCinder(options: CinderBenchOptions = {}): Promise<CinderBench> {
  const folder = await mkdtemp('/tmp/cobalt-cinder-');
  const database = openDatabase<CinderTables>(
    options.database ?? { dialect: 'sqlite', path: ':memory:' },
    { log: silentLog },
  );
  const clock = options.clock ?? systemClock;
  const ids = systemIds;
  const calls: HttpCall[] = [];
  let answer: Parameters<CinderBench['answerCalls']>[0] = () => ({ status: 404, body: {} });
  const world: SimVolumeWorld = new Map();
  const sim = createSimVolumes({ world, totalGib: 10_000 });
  const bus = createInProcessBus({ clock, ids, log: silentLog });
  const deps: CinderDeps = {
    database,
    sagas: createSagaQueue({ db: database.db, clock }),
    clock,
    ids,
    log: silentLog,
    bus,
    config: { ...cinderDefaults, controlHost: 'control', statsMaxAgeMs: 0, ...options.config },
    backends: new Map([['sim', options.wrapBackend?.(sim) ?? sim]]),
    backups: memoryBackups(),
    spoolDir: join(folder, 'spool'),
    session: { token: async () => 'cinder', renew: () => undefined },
    http: {
      send: async (call) => {
        calls.push(call);
        const told = answer(call);
        return told === 'silent'
          ? fault('unavailable', 'nobody there')
          : ({
              status: told.status,
              headers: {},
              body: told.body,
              stream: told.stream,
            } satisfies HttpAnswer);
      },
    },
  };
  let wake = (): void => undefined;
  const service = createCinder(deps, () => wake());
  await migrate(database.db, database.dialect, 'cinder', service.migrations);
  await service.seed();
  for (const task of service.tasks) if (task.atStart) await task.run(new AbortController().signal);
  const sagas = new SagaRunner({
    db: database.db,
    definitions: options.wrapSagas?.(service.sagas) ?? service.sagas,
    owner: 'test',
    clock,
    ids,
    log: silentLog,
    events: deps.sagas.events,
  });
  wake = () => sagas.wake();
  for (const { topic, handlers } of service.rpc) bus.serve(topic, handlers);
  await sagas.start();
  const errors: unknown[] = [];
  const dispatcher = createDispatcher([service.http], {
    clock,
    ids,
    identityUrl: 'http://cloud/identity',
    log: {
      ...silentLog,
      error: (facts: object) => errors.push(facts),
      debug: () => undefined,
      child: () => silentLog,
    } as unknown as typeof silentLog, // pino's other methods are not called
    tokens: {
      validate: async (token) =>
        Object.hasOwn(roles, token) ? who(token as Person) : fault('unauthorized', 'no such token'),
    },
  });
  const bench: CinderBench = {
    deps,
    service,
    sagas,
    world,
    calls,
    async ask(person, method, path, { body, version } = {}) {
      const [place = '', query = ''] = path.split('?');
      const reply = await dispatcher.handle({
        method,
        path: `/volume/v3/${place}`,
        query,
        origin: 'http://cloud',
        body: body === undefined ? null : { json: body },
        headers: {
          'x-auth-token': person ?? undefined,
          'openstack-api-version': `volume 3.${version ?? 70}`,
        },
      });
      if (reply.status === 500) throw new Error(`${method} ${path}: 500`, { cause: errors.at(-1) });
      return {
        status: reply.status,
        headers: reply.headers,
        body: reply.body === undefined ? undefined : JSON.parse(JSON.stringify(reply.body)),
      };
    },
    async make(collection, key, body) {
      const made = await bench.ask('member', 'POST', collection, { body: { [key]: body } });
      if (made.status >= 300)
        throw new Error(`POST ${collection}: ${made.status} ${JSON.stringify(made.body)}`);
      await bench.idle();
      return await bench.show(collection, key, made.body[key].id);
    },
    show: async (collection, key, id) =>
      (await bench.ask('admin', 'GET', `${collection}/${id}`)).body[key],
    answerCalls: (next) => {
      answer = next;
    },
    async idle() {
      for (;;) {
        await sagas.idle();
        if ((await deps.sagas.busyKeys()).size === 0) return;
        sagas.wake();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async close() {
      await sagas.stop();
      await bus.close();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return bench;
}

function who(person: Person): AuthContext {
  return {
    userId: person,
    userName: person,
    userDomainId: 'default',
    projectId: projectOf(person),
    projectName: projectOf(person),
    projectDomainId: 'default',
    domainId: null,
    systemScope: false,
    roles: roles[person],
    expiresAtMs: Number.MAX_SAFE_INTEGER,
    token: person,
    appCredId: null,
    accessRules: null,
  };
}

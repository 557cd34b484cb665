// Starts all roles of Cinder for this service's tests: real dispatcher, bus, saga runner and
// database (SQLite by default), simulated backend. Doubles stand at ports only: a token is the name
// of a person below, and other services answer as a test says.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SimVolumeWorld } from '#adapters/sim/sim-volumes.ts';
import { createSimVolumes } from '#adapters/sim/sim-volumes.ts';
import type { CinderAudit } from '#contracts/cinder/audit.ts';
import type { Json } from '#contracts/common/json.ts';
import type { AskInVersion, Loose } from '#openstack/http/api.testing.ts';
import { openTestApi, peopleRoles, projectOf } from '#openstack/http/api.testing.ts';
import type { CannedHttpClient } from '#openstack/http/canned-http-client.testing.ts';
import { cannedHttpClient } from '#openstack/http/canned-http-client.testing.ts';
import type { Serving } from '#platform/bus/bus.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import type { Clock } from '#platform/clock.ts';
import { systemClock } from '#platform/clock.ts';
import type { DatabaseConfig } from '#platform/db/database.ts';
import { openDatabase } from '#platform/db/database.ts';
import { migrate } from '#platform/db/migrate.ts';
import { testDatabase } from '#platform/db/test-database.testing.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { createSagaQueue } from '#platform/saga/queue.ts';
import { SagaRunner } from '#platform/saga/runner.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { memoryBackups } from '#ports/backup-store.testing.ts';
import type { BackupStore } from '#ports/backup-store.ts';
import type { VolumeBackend } from '#ports/volume-backend.ts';
import { createCinderApi } from './api/role.ts';
import { createCinderBackup } from './backup/role.ts';
import type { CinderConfig, CinderDeps } from './deps.ts';
import { cinderDefaults } from './deps.ts';
import { createCinderScheduler } from './scheduler/role.ts';
import { readRecords } from './store/audit.ts';
import { migrations } from './store/migrations/index.ts';
import { seedVolumeTypes } from './store/seed.ts';
import type { CinderTables } from './store/tables.ts';
import { createCinderVolume } from './volume/role.ts';

const roles = { ...peopleRoles, nova: ['admin', 'member', 'reader', 'service'] };
export type Person = keyof typeof roles;

export interface CinderFixture extends Pick<CannedHttpClient, 'calls' | 'answerCalls'> {
  deps: CinderDeps;
  backends: ReadonlyMap<string, VolumeBackend>;
  backups: BackupStore;
  /** The audit that `cobalt doctor --audit` requests. */
  audit(): Promise<CinderAudit>;
  world: SimVolumeWorld;
  /** Paths are relative to /volume/v3/; the default microversion is the latest. */
  ask: AskInVersion<Person>;
  /** Creates an object as `member`, waits for all sagas, and returns the object as shown then. */
  make(collection: string, key: string, body: Json): Promise<Loose>;
  show(collection: string, key: string, id: string): Promise<Loose>;
  /** The role stops answering RPC for good; its sagas and routes continue. */
  unserve(role: 'cinder-scheduler' | 'cinder-volume' | 'cinder-backup'): Promise<void>;
  /** Resolves when no saga is left in the journal. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

export interface CinderFixtureOptions {
  config?: Partial<CinderConfig>;
  database?: DatabaseConfig;
  /** Wraps the simulated backend, e.g. to inject faults. */
  wrapBackend?: (backend: VolumeBackend) => VolumeBackend;
  backups?: BackupStore;
  wrapSagas?: (sagas: readonly AnySaga[]) => readonly AnySaga[];
  /** Each role as in a process of its own: they share only the database and the bus. */
  apart?: true;
  clock?: Clock;
}

export async function startCinder(options: CinderFixtureOptions = {}): Promise<CinderFixture> {
  const folder = await mkdtemp('/tmp/cobalt-cinder-');
  const database = openDatabase<CinderTables>(
    options.database ?? (await testDatabase({ dialect: 'sqlite', path: ':memory:' })),
    { log: silentLog },
  );
  const clock = options.clock ?? systemClock;
  const ids = systemIds;
  const http = cannedHttpClient();
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
    config: {
      ...cinderDefaults,
      controlHost: 'control',
      statsMaxAgeMs: 0,
      peerAwayMs: 0,
      ...options.config,
    },
    session: { token: async () => 'cinder', renew: () => undefined },
    http,
  };
  const backups = options.backups ?? memoryBackups();
  const backends = new Map([['sim', options.wrapBackend?.(sim) ?? sim]]);
  // With `apart`, each role has its own saga queue, so that it receives no in-process events about
  // the other roles' sagas.
  const depsOfProcess = (): CinderDeps =>
    options.apart ? { ...deps, sagas: createSagaQueue({ db: database.db, clock }) } : deps;
  const [volumeDeps, backupDeps] = [depsOfProcess(), depsOfProcess()];
  let [wakeVolume, wakeBackup] = [(): void => undefined, (): void => undefined];
  const api = createCinderApi({ ...deps, backupStoreName: backups.name });
  const scheduler = createCinderScheduler(depsOfProcess());
  const volume = createCinderVolume({
    ...volumeDeps,
    backends,
    spoolDir: join(folder, 'volumes'),
    wakeSagas: () => wakeVolume(),
  });
  const backup = createCinderBackup({
    ...backupDeps,
    backends,
    backups,
    spoolDir: join(folder, 'backups'),
    wakeSagas: () => wakeBackup(),
  });
  const ofCinder = [api, scheduler, volume, backup];
  await migrate(database.db, database.dialect, 'cinder', migrations);
  await seedVolumeTypes(deps, backends.keys());
  for (const { tasks } of ofCinder)
    for (const task of tasks) if (task.atStart) await task.run(new AbortController().signal);
  const runnerOf = (
    owner: string,
    definitions: readonly AnySaga[],
    { events }: CinderDeps['sagas'],
  ): SagaRunner =>
    new SagaRunner({
      db: database.db,
      definitions: options.wrapSagas?.(definitions) ?? definitions,
      owner,
      clock,
      ids,
      log: silentLog,
      events,
    });
  const runners = options.apart
    ? [
        runnerOf('volume', volume.sagas, volumeDeps.sagas),
        runnerOf('backup', backup.sagas, backupDeps.sagas),
      ]
    : [runnerOf('test', [...volume.sagas, ...backup.sagas], deps.sagas)];
  wakeVolume = () => runners[0]?.wake();
  wakeBackup = () => runners.at(-1)?.wake();
  const servings = new Map<string, Serving>();
  for (const { rpc } of ofCinder)
    for (const { topic, handlers, concurrency } of rpc)
      servings.set(
        topic,
        bus.serve(topic, handlers, concurrency === undefined ? {} : { concurrency }),
      );
  for (const runner of runners) await runner.start();
  const { ask } = openTestApi(api.http, { clock, ids, prefix: '/volume/v3/', roles, projectOf });
  const fixture: CinderFixture = {
    deps,
    backends,
    backups,
    audit: async () => ({
      ...(await readRecords(deps)),
      backends: await volume.audit(),
      backups: await backup.audit(),
    }),
    world,
    calls: http.calls,
    answerCalls: http.answerCalls,
    ask: async (who, method, path, { body, version = 70 } = {}) =>
      await ask(who, method, path, body, { 'openstack-api-version': `volume 3.${version}` }),
    async make(collection, key, body) {
      const created = await fixture.ask('member', 'POST', collection, { body: { [key]: body } });
      if (created.status >= 300)
        throw new Error(`POST ${collection}: ${created.status} ${JSON.stringify(created.body)}`);
      await fixture.idle();
      return await fixture.show(collection, key, created.body[key].id);
    },
    show: async (collection, key, id) =>
      (await fixture.ask('admin', 'GET', `${collection}/${id}`)).body[key],
    unserve: async (role) => await servings.get(role)?.close(),
    async idle() {
      for (;;) {
        for (const runner of runners) await runner.idle();
        if ((await deps.sagas.busyKeys()).size === 0) return;
        for (const runner of runners) runner.wake();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async close() {
      await Promise.all(runners.map(async (runner) => await runner.stop()));
      await bus.close();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return fixture;
}

// Starts a Glance behind the real dispatcher, with SQLite and an image store in a folder of its
// own, for Glance's tests.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before } from 'node:test';
import { createFileImageStore } from '#adapters/file-image-store/file-image-store.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { testCaller } from '#openstack/auth/context.testing.ts';
import type { AuthContext, TokenValidator } from '#openstack/auth/context.ts';
import type { Answer as ApiAnswer } from '#openstack/http/api.testing.ts';
import { createDispatcher, type Dispatcher } from '#openstack/http/dispatcher.ts';
import type { Role } from '#openstack/role.ts';
import { systemClock, type Clock } from '#platform/clock.ts';
import { openDatabase, type Database, type DatabaseConfig } from '#platform/db/database.ts';
import { migrate } from '#platform/db/migrate.ts';
import { testDatabase } from '#platform/db/test-database.testing.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import type { ImageStore } from '#ports/image-store.ts';
import type { GlanceConfig } from '../deps.ts';
import { migrations } from '../store/migrations/index.ts';
import type { GlanceTables } from '../store/tables.ts';
import { createGlanceApi } from './role.ts';

/** A response; `body` is parsed JSON, or the text of a fault. */
export interface Answer extends ApiAnswer {
  bytes: Buffer;
}

export interface TestGlance {
  role: Role;
  dispatcher: Dispatcher;
  database: Database<GlanceTables>;
  store: ImageStore;
  /**
   * Sends a request. `who` is a key of `people`; `path` is relative to /image/v2 unless it starts
   * with '//'.
   */
  ask(
    who: string,
    method: HttpMethod,
    path: string,
    body?: Json | Buffer | Readable,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  /** Creates an active image in the project of `who`. */
  image(who: string, fields?: Record<string, Json>, data?: Buffer): Promise<string>;
  /** Runs the role's tasks once, as at its start. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

const person = (projectId: string, ...roles: string[]): AuthContext =>
  testCaller({
    userId: `user-of-${projectId}`,
    userName: projectId,
    projectId,
    projectName: projectId,
    roles,
    expiresAtMs: Number.MAX_SAFE_INTEGER,
    token: projectId,
  });

/** The callers of tests, by token. */
export const people: Readonly<Record<string, AuthContext>> = {
  ann: person('ann-project', 'member', 'reader'),
  bob: person('bob-project', 'member', 'reader'),
  eve: person('eve-project', 'member', 'reader'),
  reader: person('ann-project', 'reader'),
  admin: person('admin-project', 'admin', 'manager', 'member', 'reader'),
};

const tokens: TokenValidator = {
  validate: async (token) => people[token] ?? fault('unauthorized', 'unknown token'),
};

/** The header of a qcow2 image without a backing file. */
export function qcow2Header(virtualBytes: number): Buffer {
  const header = Buffer.alloc(112);
  header.write('QFI\xfb', 'latin1');
  header.writeUInt32BE(3, 4);
  header.writeBigUInt64BE(BigInt(virtualBytes), 24);
  return header;
}

export async function startGlance(
  options: {
    config?: Partial<GlanceConfig>;
    database?: DatabaseConfig;
    folder?: string;
    clock?: Clock;
    processName?: string;
  } = {},
): Promise<TestGlance> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'cobalt-glance-')));
  const database = openDatabase<GlanceTables>(
    options.database ??
      (await testDatabase({ dialect: 'sqlite', path: join(folder, 'glance.db') })),
    { log: silentLog },
  );
  const store = createFileImageStore({ folder: join(folder, 'images'), hashIdleMs: 1_000 });
  const role = createGlanceApi({
    database,
    store,
    clock: options.clock ?? systemClock,
    ids: systemIds,
    log: silentLog,
    config: options.config,
    processName: options.processName ?? 'glance-1',
  });
  await migrate(database.db, database.dialect, 'glance', migrations);
  const dispatcher = createDispatcher(role.http, {
    tokens,
    clock: options.clock ?? systemClock,
    ids: systemIds,
    log: silentLog,
    identityUrl: 'http://cloud/identity',
  });

  const ask: TestGlance['ask'] = async (who, method, path, body, headers = {}) => {
    const [at = '', query = ''] = (path.startsWith('//') ? path.slice(1) : `/v2${path}`).split('?');
    const bytes = Buffer.isBuffer(body)
      ? Readable.from([body])
      : body instanceof Readable
        ? body
        : undefined;
    const reply = await dispatcher.handle({
      method,
      path: `/image${at === '/' ? '' : at}`,
      query,
      origin: 'http://cloud',
      headers: { 'x-auth-token': who, ...headers },
      // bytes were handled above
      body: bytes ? { stream: bytes } : body === undefined ? null : { json: body as Json },
    });
    const raw =
      reply.body instanceof Readable
        ? Buffer.concat(await Array.fromAsync(reply.body as AsyncIterable<Buffer>))
        : Buffer.isBuffer(reply.body)
          ? reply.body
          : Buffer.alloc(0);
    return {
      status: reply.status,
      headers: reply.headers,
      bytes: raw,
      body:
        reply.body instanceof Readable || Buffer.isBuffer(reply.body) ? raw.toString() : reply.body,
    };
  };
  return {
    role,
    dispatcher,
    database,
    store,
    ask,
    async image(who, fields = {}, data = Buffer.from('some data')) {
      const created = await ask(who, 'POST', '/images', {
        name: 'test',
        disk_format: 'raw',
        container_format: 'bare',
        ...fields,
      });
      if (created.status !== 201)
        throw new Error(`POST /images: ${created.status} ${created.body}`);
      const put = await ask(who, 'PUT', `/images/${created.body.id}/file`, data);
      if (put.status !== 204) throw new Error(`PUT file: ${put.status} ${put.body}`);
      return created.body.id as string;
    },
    async mend() {
      for (const task of role.tasks) await task.run(new AbortController().signal);
    },
    async close() {
      await database.close();
      await store.close();
      if (!options.folder) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What most suites need of the Glance that `useGlance` starts and stops. */
export interface SharedGlance extends Pick<TestGlance, 'ask' | 'image'> {
  /** Available while tests run, not while they are declared. */
  readonly running: TestGlance;
  create(who: string, fields?: Record<string, Json>): Promise<Answer>;
  /** Names in the list with this query; fails unless the request succeeds. */
  names(who: string, query: string): Promise<string[]>;
}

/**
 * Starts one Glance for all tests of the calling suite. Its limits are small, so that tests can
 * reach them.
 */
export function useGlance(): SharedGlance {
  let glance: TestGlance;
  before(async () => {
    glance = await startGlance({ config: { maxTags: 3, maxProperties: 4, maxMembers: 2 } });
  });
  after(async () => await glance.close());
  const ask: TestGlance['ask'] = async (...args) => await glance.ask(...args);
  return {
    get running() {
      return glance;
    },
    ask,
    image: async (...args) => await glance.image(...args),
    create: async (who, fields = {}) => await ask(who, 'POST', '/images', fields),
    async names(who, query) {
      const answer = await ask(who, 'GET', `/images?${query}`);
      assert.equal(answer.status, 200, String(answer.body));
      return answer.body.images.map((image: { name: string }) => image.name);
    },
  };
}

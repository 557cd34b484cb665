// A test API server on an in-memory database, called without a socket.
import { generateKeyPairSync } from 'node:crypto';
import { Readable } from 'node:stream';
import type { KubeObject } from '#contracts/kube/object.ts';
import type { Clock } from '#platform/clock.ts';
import { systemClock } from '#platform/clock.ts';
import type { Database } from '#platform/db/database.ts';
import { openDatabase } from '#platform/db/database.ts';
import { migrate } from '#platform/db/migrate.ts';
import type { HttpMethod, RawReply } from '#platform/http/messages.ts';
import { JsonText } from '#platform/http/messages.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { migrations } from '../store/migrations/index.ts';
import type { KubeTables } from '../store/tables.ts';
import type { Apiserver } from './apiserver.ts';
import { createApiserver } from './apiserver.ts';

const tokenKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();

/** Content types of PATCH requests. */
export const patches = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

export interface AskOptions {
  /** Sent as a parsed value, as in-process callers do. */
  body?: unknown;
  /** Sent as bytes, as over a socket; instead of `body`. */
  bytes?: Buffer | string;
  headers?: Record<string, string>;
  type?: string;
  accept?: string;
  /** Name of the calling user; default: `admin` in the group system:masters. */
  user?: string;
  groups?: string[];
}

export interface Answered {
  status: number;
  headers: Record<string, string>;
  /**
   * The parsed answer; for a watch, the reply's stream. Untyped, because each test reads as deep
   * into it as the object's kind requires and asserts what it finds.
   */
  body: any;
}

export interface TestApiserver {
  apiserver: Apiserver;
  ask(method: HttpMethod, path: string, options?: AskOptions): Promise<Answered>;
  /**
   * As `ask`, but returns the body, and throws with the server's message unless the status is 2xx.
   */
  must(method: HttpMethod, path: string, options?: AskOptions): Promise<any>;
  raw(method: HttpMethod, path: string, options?: AskOptions): Promise<RawReply>;
  close(): Promise<void>;
}

export async function startTestApiserver(
  options: { database?: Database<KubeTables>; clock?: Clock } = {},
): Promise<TestApiserver> {
  const { clock = systemClock } = options;
  const database =
    options.database ??
    openDatabase<KubeTables>({ dialect: 'sqlite', path: ':memory:' }, { log: silentLog });
  await migrate(database.db, database.dialect, 'kubernetes', migrations);
  const apiserver = await createApiserver({
    db: database.db,
    clock,
    ids: systemIds,
    log: silentLog,
    authority: 'the authority',
    tokenKey,
    release: 'test',
    authenticate: async ({ client }) =>
      client && { name: client.name, uid: '', groups: [...client.groups, 'system:authenticated'] },
  });
  const raw: TestApiserver['raw'] = async (method, target, ask = {}) => {
    const [path = '', query = ''] = target.split('?');
    const { user = 'admin', groups = user === 'admin' ? ['system:masters'] : [] } = ask;
    return await apiserver.handler.handle({
      method,
      path,
      query,
      headers: {
        accept: ask.accept ?? 'application/json',
        'content-type': ask.type ?? 'application/json',
        'user-agent': 'tester/1',
        ...ask.headers,
      },
      body:
        ask.bytes !== undefined
          ? { stream: Readable.from([Buffer.from(ask.bytes)]) }
          : ask.body === undefined
            ? null
            : { json: ask.body as never },
      origin: 'https://kubernetes',
      client: user === '' ? undefined : { name: user, groups },
    });
  };
  const ask: TestApiserver['ask'] = async (method, path, askOptions) => {
    const { status, headers, body } = await raw(method, path, askOptions);
    const parsed = body instanceof JsonText ? (JSON.parse(body.text) as unknown) : body;
    return { status, headers, body: parsed };
  };
  return {
    apiserver,
    ask,
    raw,
    async must(method, path, askOptions) {
      const { status, body } = await ask(method, path, askOptions);
      if (status >= 300)
        throw new Error(`${method} ${path}: ${status} ${(body as { message?: string }).message}`);
      return body as KubeObject;
    },
    async close() {
      await apiserver.close();
      if (!options.database) await database.close();
    },
  };
}

/**
 * Waits until the namespace `default` has the objects that the server creates in each namespace.
 */
export async function untilFurnished(kube: TestApiserver): Promise<void> {
  await eventually(
    async () =>
      (await kube.ask('GET', '/api/v1/namespaces/default/configmaps/kube-root-ca.crt')).status ===
      200,
    { withinMs: 10_000, what: 'the namespace default is furnished' },
  );
}

export const widgets = '/apis/example.org/v1/namespaces/default/widgets';

/** Starts a server with the namespaced custom resource `widgets.example.org`. */
export async function startWidgetServer(): Promise<TestApiserver> {
  const kube = await startTestApiserver();
  await untilFurnished(kube);
  await kube.must('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    body: widgetDefinition(),
  });
  await eventually(async () => (await kube.ask('GET', widgets)).status === 200, {
    withinMs: 10_000,
    what: 'widgets are served',
  });
  return kube;
}

/** The CustomResourceDefinition of `widgets.example.org`. */
export const widgetDefinition = (scope: 'Cluster' | 'Namespaced' = 'Namespaced') => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.org' },
  spec: {
    group: 'example.org',
    scope,
    names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' },
        },
        additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                required: ['size'],
                'x-kubernetes-validations': [
                  {
                    rule: '!has(oldSelf.color) || self.color == oldSelf.color',
                    message: 'color stays',
                  },
                ],
                properties: {
                  size: { type: 'integer', minimum: 1 },
                  color: { type: 'string', enum: ['red', 'blue'] },
                  mode: { type: 'string', default: 'plain' },
                  parts: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['name'],
                    items: {
                      type: 'object',
                      required: ['name'],
                      properties: { name: { type: 'string' }, weight: { type: 'integer' } },
                    },
                  },
                },
              },
              status: {
                type: 'object',
                properties: { size: { type: 'integer' }, phase: { type: 'string' } },
              },
            },
          },
        },
      },
    ],
  },
});

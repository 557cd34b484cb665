// A cloud for hostile requests: generates random requests over all routes, sends each through the
// dispatcher as the socket would, and measures how long each occupies this thread. The test
// recreates the cloud from time to time, since requests also delete objects.
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Route } from '#openstack/http/route.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { JsonText } from '#platform/http/messages.ts';
import type { RawRequest } from '#platform/http/messages.ts';
import { createLog } from '#platform/log.ts';
import type { ApiCloud, Person } from '../api-cloud.ts';
import { startApiCloud } from '../api-cloud.ts';
import { concrete } from '../cases/case.ts';
import type { Objects } from '../cases/case.ts';
import { makeObjects } from '../make-objects.ts';
import type { Random } from './random.ts';
import { sampleBody } from './sample-body.ts';
import { anyValue, bytesOf, mutated, words } from './values.ts';

export interface HostileRequest {
  route: string;
  method: HttpMethod;
  path: string;
  query: string;
  headers: Record<string, string>;
  body: Buffer | null;
}

export interface HostileAnswer {
  status: number;
  text: string;
  /** How long the request occupied this thread, ms. */
  cpuMs: number;
}

interface Target {
  key: string;
  mount: string;
  type: string;
  definition: Route;
  maxVersion: number;
}

export interface HostileCloud {
  cloud: ApiCloud;
  make(): HostileRequest;
  send(request: HostileRequest): Promise<HostileAnswer>;
  /** Logs users in again whose tokens were revoked by requests. Throws if a user was deleted. */
  renewTokens(): Promise<void>;
  /** Unexpected errors that the services have logged since the last call. */
  errors(): string[];
  stop(): Promise<void>;
}

export async function startHostileCloud(random: Random): Promise<HostileCloud> {
  const lines: string[] = [];
  const log = createLog({
    level: 'error',
    destination: { write: (line: string) => void lines.push(line) },
  });
  const cloud = await startApiCloud({ log });
  const objects = await makeObjects(cloud);
  const pool = [...objects.values(), cloud.imageId, cloud.alice.projectId, cloud.bob.projectId];
  const targets = cloud.plane.apis.flatMap(({ mount, routes, microversions }): Target[] =>
    routes.map((definition) => ({
      key: `${definition.method} ${mount}${definition.path}`,
      mount,
      type: microversions?.type ?? '',
      definition,
      maxVersion: microversions?.max ?? 0,
    })),
  );
  const people = new Map([
    ['alice', cloud.alice],
    ['bob', cloud.bob],
    ['admin', cloud.admin],
  ]);
  const callers = ['alice', 'alice', 'alice', 'admin', 'admin', 'admin', 'bob', 'nobody'];
  /** A random target. Targets that delete are rarer, so that objects remain. */
  const target = (): Target => {
    const picked = random.pick(targets);
    return picked.definition.method === 'DELETE' && random.chance(0.8)
      ? random.pick(targets)
      : picked;
  };
  return {
    cloud,
    make: () =>
      makeRequest(random, target(), objects, pool, people.get(random.pick(callers)) ?? null),
    send: async (request) => await send(cloud, request),
    async renewTokens() {
      for (const [name, person] of people) {
        const { status } = await cloud.plane.dispatcher.handle({
          method: 'GET',
          path: '/image/v2/images',
          query: 'limit=1',
          headers: { 'x-auth-token': person.token },
          body: null,
          origin: '',
        });
        if (status === 401)
          people.set(name, {
            ...person,
            token: await cloud.tokenOf(name as 'alice' | 'bob' | 'admin'),
          }); // cast: only the names above
      }
    },
    errors: () => lines.splice(0),
    stop: async () => await cloud.stop(),
  };
}

function makeRequest(
  random: Random,
  { key, mount, type, definition, maxVersion }: Target,
  objects: Objects,
  pool: readonly string[],
  who: Person | null,
): HostileRequest {
  const version = Math.min(
    maxVersion,
    definition.until ?? Infinity,
    Math.max(definition.since ?? 0, random.below(maxVersion + 1)),
  );
  const headers: Record<string, string> = who ? { 'x-auth-token': who.token } : {};
  if (type !== '')
    headers['openstack-api-version'] = random.chance(0.02)
      ? random.pick(words).replace(/[^\x20-\x7e]/g, '')
      : `${type} ${type === 'compute' ? 2 : type === 'placement' ? 1 : 3}.${version}`;
  if (random.chance(0.03))
    headers['accept'] = random.pick([
      'text/html',
      '*/*',
      'application/xml',
      'application/json;q=0',
      'a'.repeat(2_000),
    ]);
  if (random.chance(0.02))
    headers[
      random.pick([
        'x-subject-token',
        'x-openstack-request-id',
        'range',
        'if-match',
        'user-agent',
        'x-service-token',
      ])
    ] = random.pick(['bytes=0-', 'bytes=9-1', '\xff', 'x'.repeat(5_000), '"é"']);
  let path = concrete(mount + (definition.path === '/' ? '' : definition.path), objects)
    .split('/')
    .map((part, index) => (index > 2 && random.chance(0.08) ? encodePart(random, pool) : part))
    .join('/');
  if (random.chance(0.02))
    path += random.pick(['/', '//', '/..', '/%2e%2e', '%00', '%ff', '%', '/x']);
  const method = random.chance(0.03)
    ? random.pick<HttpMethod>(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
    : definition.method;
  return {
    route: key,
    method,
    path,
    query: makeQuery(random, method),
    headers,
    body: makeBody(random, definition, method, version, pool, headers),
  };
}

const parameters: readonly string[] = [
  'limit marker sort_key sort_dir sort name status fields tags tags-any not-tags not-tags-any',
  'changes-since all_tenants deleted ip id uuid host project_id tenant_id metadata',
  'constructor __proto__ toString member_of required resources in_tree name~ with_count',
  'page_reverse user_id enabled domain_id created_at size_min tag visibility offset detailed',
].flatMap((words) => words.split(' '));
function makeQuery(random: Random, method: HttpMethod): string {
  if (random.chance(method === 'GET' ? 0.4 : 0.9)) return '';
  if (random.chance(0.01))
    return `${random.pick(parameters)}=${Array.from({ length: 2_500 }, (_, index) => `t${index}`).join(',')}`;
  if (random.chance(0.01))
    return Array.from({ length: 1_500 }, (_, index) => `${parameters[index % 12]}=${index}`).join(
      '&',
    );
  if (random.chance(0.03))
    return random.pick([
      '%ff=1',
      'name=%ed%a0%80',
      'name=%',
      '&&&',
      '=',
      'a=1&a',
      'name=%00',
      '%c3=%28',
    ]);
  return Array.from(
    { length: 1 + random.below(4) },
    () => `${random.pick(parameters)}=${encodeURIComponent(random.pick(words).slice(0, 3_000))}`,
  ).join('&');
}

function makeBody(
  random: Random,
  { body, streams }: Route,
  method: HttpMethod,
  version: number,
  pool: readonly string[],
  headers: Record<string, string>,
): Buffer | null {
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return null;
  if (streams === true) {
    headers['content-type'] = 'application/octet-stream';
    return Buffer.from(random.pick(words));
  }
  if (body === undefined && random.chance(0.8)) return null;
  headers['content-type'] = random.chance(0.02)
    ? random.pick(['text/plain', 'application/xml', 'x', 'application/json;charset=latin1'])
    : 'application/json';
  const right = sampleBody(random, body, version, pool);
  const sent = random.chance(0.35)
    ? right
    : random.chance(0.9)
      ? mutated(random, right)
      : anyValue(random);
  return bytesOf(random, sent);
}

const encodePart = (random: Random, pool: readonly string[]): string =>
  random.chance(0.5)
    ? encodeURIComponent(random.pick(pool))
    : random.chance(0.1)
      ? random.pick(['%ff', '%ed%a0%80', '%', '%zz', '%2e%2e'])
      : encodeURIComponent(random.pick(words));

async function send(
  { plane }: ApiCloud,
  { method, path, query, headers, body }: HostileRequest,
): Promise<HostileAnswer> {
  await nextTurn(); // so that leftovers of the previous request do not count
  const before = process.threadCpuUsage();
  const raw: RawRequest = {
    method,
    path,
    query,
    headers,
    origin: 'http://cloud',
    body: body === null ? null : { stream: Readable.from([body]) },
  };
  const reply = await plane.dispatcher.handle(raw);
  const text =
    reply.body === undefined
      ? ''
      : reply.body instanceof Readable
        ? await textOf(reply.body)
        : reply.body instanceof JsonText
          ? reply.body.text
          : Buffer.isBuffer(reply.body)
            ? reply.body.toString()
            : JSON.stringify(reply.body);
  const used = process.threadCpuUsage(before);
  return { status: reply.status, text, cpuMs: (used.user + used.system) / 1000 };
}

async function textOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

// A complete cloud behind a real socket for API tests: users in two projects, a client that checks
// in every answer what all answers must have (request id, no body on 204, no 500), and one
// simulated host, so that servers become ACTIVE.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ControlPlane } from '#compose/control-plane.ts';
import { readSecrets } from '#compose/home.ts';
import type { Json } from '#contracts/common/json.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { startHttpServer } from '#platform/http/server.ts';
import type { Log } from '#platform/log.ts';
import { startSimCloud } from '../sim/sim-cloud.ts';

/** An id that no object has. */
export const unknownId = '00000000-0000-0000-0000-000000000000';

/** Any JSON; tests read it by path. */
// oxlint-disable-next-line typescript/no-explicit-any -- answers are read at many depths; assertions are the check
export type Loose = any;

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The text as JSON; undefined if it is not JSON. */
  json: Loose;
}

export interface Person {
  userId: string;
  projectId: string;
  token: string;
}

export interface Sending {
  body?: Json;
  /** A body that is sent as it is, instead of `body`. */
  raw?: string | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
  /** Minor microversion, sent as OpenStack-API-Version for the service that the path names. */
  version?: number | undefined;
}

export interface ApiCloud {
  plane: ControlPlane;
  imageId: string;
  /** Has the role admin in the project admin. */
  admin: Person;
  /** Member of a project to which bob has no access. */
  alice: Person;
  /** Member of a project to which alice has no access. */
  bob: Person;
  /**
   * Sends a request. `path` begins with the service's mount. `who`: a user, a token, or null for
   * nobody.
   */
  ask(
    who: Person | string | null,
    method: HttpMethod,
    path: string,
    sending?: Sending,
  ): Promise<Answer>;
  /** As `ask`; the status must be 2xx. Returns the parsed body. */
  sure(
    who: Person,
    method: HttpMethod,
    path: string,
    body?: Json,
    version?: number,
  ): Promise<Loose>;
  /** A new token for a user name, project name and password. */
  token(name: string, project: string, password: string): Promise<string>;
  /** A new token like the person's own. */
  tokenOf(name: 'admin' | 'alice' | 'bob'): Promise<string>;
  stop(): Promise<void>;
}

export const password = 'correct horse battery staple';
const versioned: readonly [mount: string, type: string][] = [
  ['/compute', 'compute 2.'],
  ['/placement', 'placement 1.'],
  ['/volume', 'volume 3.'],
  ['/instance-ha', 'instance-ha 1.'],
];

export async function startApiCloud(options: { log?: Log; cortex?: true } = {}): Promise<ApiCloud> {
  const dir = await mkdtemp(join(tmpdir(), 'cobalt-api-'));
  const sim = await startSimCloud({ dir, hosts: 1, ...options });
  const server = await startHttpServer(sim.plane.dispatcher, { host: '127.0.0.1', port: 0 });
  const origin = `http://127.0.0.1:${server.port}`;

  async function ask(
    who: Person | string | null,
    method: HttpMethod,
    path: string,
    { body, raw, headers = {}, version }: Sending = {},
  ): Promise<Answer> {
    const ownHeaders: Record<string, string> = {};
    if (who !== null) ownHeaders['x-auth-token'] = typeof who === 'string' ? who : who.token;
    if (body !== undefined) ownHeaders['content-type'] = 'application/json';
    const prefix = versioned.find(([mount]) => path.startsWith(mount))?.[1];
    if (version !== undefined && prefix) ownHeaders['openstack-api-version'] = prefix + version;
    const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const answer = await fetch(origin + path, {
      method,
      headers: { ...ownHeaders, ...headers },
      redirect: 'manual',
      signal: AbortSignal.timeout(30_000),
      ...(sent === undefined ? {} : { body: sent }),
    });
    const text = await answer.text();
    checkAnswer(`${method} ${path}`, method, answer, text);
    return {
      status: answer.status,
      headers: answer.headers,
      text,
      json:
        answer.headers.get('content-type')?.includes('json') && text !== ''
          ? (JSON.parse(text) as Loose)
          : undefined,
    };
  }
  async function sure(
    who: Person,
    method: HttpMethod,
    path: string,
    body?: Json,
    version?: number,
  ): Promise<Loose> {
    const answer = await ask(who, method, path, {
      ...(body === undefined ? {} : { body }),
      version,
    });
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.json;
  }
  async function token(name: string, project: string, secret: string): Promise<string> {
    const domain = { id: 'default' };
    const answer = await ask(null, 'POST', '/identity/v3/auth/tokens', {
      body: {
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { name, domain, password: secret } },
          },
          scope: { project: { name: project, domain } },
        },
      },
    });
    assert.equal(answer.status, 201, answer.text);
    return answer.headers.get('x-subject-token') ?? '';
  }

  const adminToken = await token('admin', 'admin', (await readSecrets(dir)).admin.reveal());
  const { token: facts } = (
    await ask(adminToken, 'GET', '/identity/v3/auth/tokens', {
      headers: { 'x-subject-token': adminToken },
    })
  ).json;
  const admin: Person = { token: adminToken, userId: facts.user.id, projectId: facts.project.id };
  const { roles } = await sure(admin, 'GET', '/identity/v3/roles?name=member');
  async function makePerson(name: string): Promise<Person> {
    const { project } = await sure(admin, 'POST', '/identity/v3/projects', {
      project: {
        name: `${name}s-project`,
        domain_id: 'default',
        description: name === 'alice' ? hidden : '',
      },
    });
    const { user } = await sure(admin, 'POST', '/identity/v3/users', {
      user: { name, password, domain_id: 'default', description: name === 'alice' ? hidden : '' },
    });
    await sure(
      admin,
      'PUT',
      `/identity/v3/projects/${project.id}/users/${user.id}/roles/${roles[0].id}`,
    );
    return {
      userId: user.id,
      projectId: project.id,
      token: await token(name, project.name, password),
    };
  }

  return {
    plane: sim.plane,
    imageId: sim.imageId,
    admin,
    alice: await makePerson('alice'),
    bob: await makePerson('bob'),
    ask,
    sure,
    token,
    tokenOf: async (name) =>
      name === 'admin'
        ? await token('admin', 'admin', (await readSecrets(dir)).admin.reveal())
        : await token(name, `${name}s-project`, password),
    async stop() {
      await server.close();
      await sim.stop();
      await rm(dir, { recursive: true });
    },
  };
}

/** Written into every object of Alice's: an answer to Bob that contains it discloses her data. */
export const hidden = 'not-for-bobs-eyes';

/**
 * Checks what every answer must have. API-SIG guidelines on request ids; RFC 9110, 15.3.5 on 204.
 */
function checkAnswer(what: string, method: HttpMethod, answer: Response, text: string): void {
  assert.notEqual(answer.status, 500, `${what}: ${text}`);
  assert.match(
    answer.headers.get('x-openstack-request-id') ?? 'none',
    /^req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    `${what}: request id`,
  );
  if (answer.status === 204 || method === 'HEAD')
    assert.equal(text, '', `${what}: a body on ${answer.status}`);
  if (answer.status >= 400 && method !== 'HEAD')
    assert.match(
      answer.headers.get('content-type') ?? 'none',
      /^(application\/json|text\/html)/,
      `${what}: type of a fault`,
    );
}

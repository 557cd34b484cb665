// A service's API behind the real dispatcher, for the tests of services: a token is the name of a
// person, and a 500 fails the test with its cause.
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Clock } from '#platform/clock.ts';
import type { HttpMethod, RawRequest } from '#platform/http/messages.ts';
import { JsonText } from '#platform/http/messages.ts';
import type { Ids } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { testCaller } from '../auth/context.testing.ts';
import type { Dispatcher } from './dispatcher.ts';
import { createDispatcher } from './dispatcher.ts';
import type { HttpFace } from './route.ts';

/** Any JSON, read by path in tests. */
// oxlint-disable-next-line typescript/no-explicit-any -- answers are read at many depths; assertions are the check
export type Loose = any;

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Loose;
}

/** Roles of the callers in every service's tests; a service adds its own callers. */
export const peopleRoles = {
  admin: ['admin', 'member', 'reader'],
  member: ['member', 'reader'],
  reader: ['reader'],
  other: ['member', 'reader'],
};

/** The project of a person: `other` is a member of another project; the rest share one. */
export const projectOf = (person: string): string =>
  person === 'other' ? 'project-b' : 'project-a';

export interface TestApi<Person extends string> {
  dispatcher: Dispatcher;
  /**
   * Sends a request; null sends it without a token. `path` is relative to the prefix and may have a
   * query.
   */
  ask(
    who: Person | null,
    method: HttpMethod,
    path: string,
    body: Json | undefined,
    headers: RawRequest['headers'],
  ): Promise<Answer>;
}

/** Sends a request to a service with microversions; `version` is the minor one. */
export type AskInVersion<Person extends string> = (
  who: Person | null,
  method: HttpMethod,
  path: string,
  options?: { body?: Json; version?: number },
) => Promise<Answer>;

export function openTestApi<Person extends string>(
  faces: readonly HttpFace[],
  {
    clock,
    ids,
    prefix,
    roles,
    projectOf,
  }: {
    clock: Clock;
    ids: Ids;
    /** e.g. `/compute/v2.1/`. */
    prefix: string;
    /** Roles by person. */
    roles: Readonly<Record<Person, string[]>>;
    projectOf(person: Person): string;
  },
): TestApi<Person> {
  const isPerson = (token: string): token is Person => Object.hasOwn(roles, token);
  const caller = (person: Person) =>
    testCaller({
      userId: person,
      userName: person,
      projectId: projectOf(person),
      projectName: projectOf(person),
      roles: roles[person],
      expiresAtMs: Number.MAX_SAFE_INTEGER,
      token: person,
    });
  const errors: unknown[] = [];
  const dispatcher = createDispatcher(faces, {
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
        isPerson(token) ? caller(token) : fault('unauthorized', 'no such token'),
    },
  });
  return {
    dispatcher,
    async ask(who, method, path, body, headers) {
      const [place = '', query = ''] = path.split('?');
      const reply = await dispatcher.handle({
        method,
        path: prefix + place,
        query,
        origin: 'http://cloud',
        body: body === undefined ? null : { json: body },
        headers: { 'x-auth-token': who ?? undefined, ...headers },
      });
      if (reply.status === 500) throw new Error(`${method} ${path}: 500`, { cause: errors.at(-1) });
      return { status: reply.status, headers: reply.headers, body: asRead(reply.body) };
    },
  };
}

/**
 * The body as a client reads it, from JSON text: undefined members and shared objects cannot hide.
 */
const asRead = (body: unknown): Loose =>
  body === undefined
    ? undefined
    : JSON.parse(body instanceof JsonText ? body.text : JSON.stringify(body));

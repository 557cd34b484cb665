// Neutron's API behind the real dispatcher, over a real database (SQLite unless told), for
// Neutron's own tests. Doubles stand at the ports alone: tokens are names of people below, the
// network below is a simulated one.
import { createSimSdn } from '#adapters/sim/sim-sdn.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { AuthContext } from '#openstack/auth/context.ts';
import { createInProcessClient } from '#openstack/http/client.ts';
import type { Dispatcher } from '#openstack/http/dispatcher.ts';
import { createDispatcher } from '#openstack/http/dispatcher.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import type { Clock } from '#platform/clock.ts';
import type { DatabaseConfig } from '#platform/db/database.ts';
import { openDatabase } from '#platform/db/database.ts';
import { migrate } from '#platform/db/migrate.ts';
import type { HttpMethod, Query } from '#platform/http/messages.ts';
import { JsonText } from '#platform/http/messages.ts';
import { seededIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import type { NeutronConfig, NeutronDeps } from '../deps.ts';
import { neutronDefaults } from '../deps.ts';
import type { OvnWriterRole } from '../ovn/role.ts';
import { createNeutronOvnWriter } from '../ovn/role.ts';
import { migrations } from '../store/migrations/index.ts';
import type { NeutronTables } from '../store/tables.ts';
import { neutronFaults } from './fault-body.ts';
import { createNeutronApi } from './role.ts';

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
  service: ['service', 'admin', 'member', 'reader'],
};
export type Person = keyof typeof roles;
/** `other` is a member of another project, admins of a third; member and reader share one. */
export const projectOf = (person: Person): string =>
  ({
    admin: 'project-admin',
    service: 'project-service',
    member: 'project-a',
    reader: 'project-a',
    other: 'project-b',
  })[person];

export interface NeutronFixture {
  deps: NeutronDeps;
  writer: OvnWriterRole;
  dispatcher: Dispatcher;
  clock: Clock & { nowMs: number };
  /** `path` is below /network/v2.0/. */
  ask(
    who: Person | null,
    method: HttpMethod,
    path: string,
    body?: Json,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  /** As `ask`, and it must succeed: the one member of the answer's body. */
  sure(who: Person, method: HttpMethod, path: string, body?: Json): Promise<Loose>;
  close(): Promise<void>;
}

export const startMs = Date.UTC(2026, 10, 22, 12);

export async function startNeutron(
  options: { config?: Partial<NeutronConfig>; database?: DatabaseConfig } = {},
): Promise<NeutronFixture> {
  const database = openDatabase<NeutronTables>(
    options.database ?? { dialect: 'sqlite', path: ':memory:' },
    { log: silentLog },
  );
  const clock = createFakeClock({ startMs, movedBy: 'sleeps' });
  const ids = seededIds(1);
  const circle: { dispatcher?: Dispatcher } = {};
  const http = createInProcessClient(
    { network: '/network', identity: '/identity' },
    'http://cloud',
    () => {
      if (!circle.dispatcher) throw new Error('asked before there is a dispatcher');
      return circle.dispatcher;
    },
    clock,
  );
  const deps: NeutronDeps = {
    database,
    clock,
    ids,
    http,
    log: silentLog,
    bus: createInProcessBus({ clock, ids, log: silentLog }),
    config: { ...neutronDefaults, ...options.config },
    session: { token: async () => 'service', renew: () => undefined },
  };
  const api = createNeutronApi(deps);
  const writer = createNeutronOvnWriter({
    ...deps,
    openSdn: (listeners) => createSimSdn({ chassis: ['h1', 'h2'] }, { clock }, listeners),
  });
  for (const { topic, handlers } of writer.rpc) deps.bus.serve(topic, handlers);
  await migrate(database.db, database.dialect, 'neutron', migrations);
  const errors: unknown[] = [];
  const keystone = {
    name: 'keystone',
    serviceType: 'identity',
    mount: '/identity',
    faultStyle: neutronFaults,
    policies: {},
    routes: [
      {
        method: 'GET' as const,
        path: '/v3/projects',
        policy: null,
        handler: ({ query }: { query: Query }) => ({
          status: 200,
          body: {
            projects: [{ id: projectOf(query['name']?.[0] === 'demo' ? 'member' : 'admin') }],
          },
        }),
      },
    ],
  };
  const dispatcher = createDispatcher([...api.http, keystone], {
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
  circle.dispatcher = dispatcher;
  async function ask(
    person: Person | null,
    method: HttpMethod,
    path: string,
    body?: Json,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const [place = '', query = ''] = path.split('?');
    const reply = await dispatcher.handle({
      method,
      path: `/network/v2.0/${place}`,
      query,
      origin: 'http://cloud',
      body: body === undefined ? null : { json: body },
      headers: { 'x-auth-token': person ?? undefined, ...headers },
    });
    if (reply.status === 500) throw new Error(`${method} ${path}: 500`, { cause: errors.at(-1) });
    return {
      status: reply.status,
      headers: reply.headers,
      body:
        reply.body === undefined
          ? undefined
          : JSON.parse(
              reply.body instanceof JsonText ? reply.body.text : JSON.stringify(reply.body),
            ),
    };
  }
  return {
    deps,
    writer,
    dispatcher,
    clock,
    ask,
    async sure(person, method, path, body) {
      const answer = await ask(person, method, path, body);
      if (answer.status >= 300)
        throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      const values = Object.values(answer.body ?? {});
      return values.length === 1 ? values[0] : answer.body;
    },
    close: async () => {
      await writer.close();
      await database.close();
    },
  };
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

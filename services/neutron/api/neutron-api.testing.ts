// Starts Neutron's API for Neutron's own tests: real dispatcher, real database (SQLite by default).
// Doubles stand at ports only: a token is the name of a person below, and OVN is simulated.
import { createSimSdn } from '#adapters/sim/sim-sdn.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Answer, Loose } from '#openstack/http/api.testing.ts';
import { openTestApi, peopleRoles } from '#openstack/http/api.testing.ts';
import { createInProcessClient } from '#openstack/http/client.ts';
import type { Dispatcher } from '#openstack/http/dispatcher.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import type { Clock } from '#platform/clock.ts';
import type { DatabaseConfig } from '#platform/db/database.ts';
import { openDatabase } from '#platform/db/database.ts';
import { migrate } from '#platform/db/migrate.ts';
import { testDatabase } from '#platform/db/test-database.testing.ts';
import type { HttpMethod, Query } from '#platform/http/messages.ts';
import { seededIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import type { NeutronConfig, NeutronDeps } from '../deps.ts';
import { neutronDefaults } from '../deps.ts';
import type { OvnWriterRole } from '../ovn/role.ts';
import { createNeutronOvnWriter } from '../ovn/role.ts';
import { migrations } from '../store/migrations/index.ts';
import type { AgentRow, NeutronTables } from '../store/tables.ts';
import { neutronFaults } from './fault-body.ts';
import { createNeutronApi } from './role.ts';

const roles = { ...peopleRoles, service: ['service', 'admin', 'member', 'reader'] };
export type Person = keyof typeof roles;
/** member and reader share a project; `other` is a member of a second one, admin is in a third. */
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
  /** `path` is relative to /network/v2.0/. */
  ask(
    who: Person | null,
    method: HttpMethod,
    path: string,
    body?: Json,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  /**
   * Like `ask`, but fails unless the request succeeds; returns the single member of the answer's
   * body.
   */
  sure(who: Person, method: HttpMethod, path: string, body?: Json): Promise<Loose>;
  close(): Promise<void>;
}

export const startMs = Date.UTC(2026, 10, 22, 12);

/** A row of an ovn-controller in `agents`, as a host's heartbeat writes it. */
export const agentRow = (change: Pick<AgentRow, 'id' | 'host'> & Partial<AgentRow>): AgentRow => ({
  agent_type: 'OVN Controller agent',
  binary: 'ovn-controller',
  availability_zone: '',
  topic: 'n/a',
  description: null,
  admin_state_up: 1,
  configurations_json: '{}',
  created_at_ms: startMs,
  started_at_ms: startMs,
  heartbeat_at_ms: startMs,
  deleted_at_ms: null,
  ...change,
});

export async function startNeutron(
  options: { config?: Partial<NeutronConfig>; database?: DatabaseConfig } = {},
): Promise<NeutronFixture> {
  const database = openDatabase<NeutronTables>(
    options.database ?? (await testDatabase({ dialect: 'sqlite', path: ':memory:' })),
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
  const role = createNeutronApi(deps);
  const writer = createNeutronOvnWriter({
    ...deps,
    openSdn: (listeners) => createSimSdn({ chassis: ['h1', 'h2'] }, { clock }, listeners),
  });
  for (const { topic, handlers } of writer.rpc) deps.bus.serve(topic, handlers);
  await migrate(database.db, database.dialect, 'neutron', migrations);
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
  const api = openTestApi([...role.http, keystone], {
    clock,
    ids,
    prefix: '/network/v2.0/',
    roles,
    projectOf,
  });
  circle.dispatcher = api.dispatcher;
  const ask: NeutronFixture['ask'] = async (who, method, path, body, headers = {}) =>
    await api.ask(who, method, path, body, headers);
  return {
    deps,
    writer,
    dispatcher: api.dispatcher,
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

// For tests of the OVN writer: Neutron's tables, the writer, a simulated OVN, and a Nova that
// records events.
import assert from 'node:assert/strict';
import { afterEach, beforeEach } from 'node:test';
import { createSimSdn, type SimSdn } from '#adapters/sim/sim-sdn.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { type SdnRow } from '#ports/sdn.ts';
import { neutronDefaults } from '../deps.ts';
import { NeutronWorld, wakeWriter } from './neutron-tables.testing.ts';
import type { OvnWriterDeps } from './role.ts';
import { createNeutronOvnWriter, type OvnWriterRole } from './role.ts';

/** Set before each test. */
export const ovn = {} as {
  world: NeutronWorld;
  writer: OvnWriterRole;
  network: SimSdn;
  /** Events that Nova has received. */
  events: { name: string; server_uuid: string; tag: string }[];
  /** How many calls to Nova fail from now on. */
  refusals: number;
}; // filled in by `useOvnWriter`

const http: HttpClient = {
  send: async ({ path, body }) => {
    if (ovn.refusals > 0) {
      ovn.refusals -= 1;
      return fault('unavailable', 'Nova is away');
    }
    assert.equal(path, '/v2.1/os-server-external-events');
    ovn.events.push(...(body as unknown as Pick<typeof ovn, 'events'>).events);
    return { status: 200, headers: {}, body: { events: [] } as Json, stream: undefined };
  },
};
export const deps = (): OvnWriterDeps => ({
  database: ovn.world.database,
  clock: systemClock,
  ids: systemIds,
  log: silentLog,
  config: neutronDefaults,
  http,
  session: { token: async () => 'token', renew: () => undefined },
  bus: createInProcessBus({ log: silentLog, clock: systemClock, ids: systemIds }),
  openSdn: (listeners) =>
    (ovn.network = createSimSdn(
      { chassis: ['h1', 'h2'], bridgeMappings: 'physnet1:br-ex' },
      { clock: systemClock },
      listeners,
    )),
});
export const open = (): OvnWriterRole => createNeutronOvnWriter(deps());
export const task = async (name: string): Promise<void> => {
  const found = ovn.writer.tasks.find((each) => each.name === name);
  assert.ok(found, name);
  await found.run(new AbortController().signal);
};
export const rows = (table: SdnRow['table']): SdnRow[] =>
  ovn.network.rows().filter((row) => row.table === table);
export const atRest = async (): Promise<void> => {
  wakeWriter(ovn.writer);
  await eventually(
    async () => {
      const audit = await ovn.writer.audit();
      return (
        !isFault(audit) &&
        audit.pending === 0 &&
        audit.inserted + audit.updated + audit.deleted === 0
      );
    },
    { withinMs: 5_000, what: 'all that should be below is there, and nothing else' },
  );
};
export const portStatus = async (id: string) =>
  await ovn.world.database.db
    .selectFrom('ports')
    .select(['status', 'revision_number'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow();

/**
 * Registers the hooks: each test starts with an empty cloud and a writer that has synchronised OVN.
 */
export function useOvnWriter(): void {
  beforeEach(async () => {
    ovn.events = [];
    ovn.refusals = 0;
    ovn.world = await NeutronWorld.open();
    ovn.writer = open();
    await task('neutron.write-changes');
  });
  afterEach(async () => {
    await ovn.writer.close();
    await ovn.world.close();
  });
}

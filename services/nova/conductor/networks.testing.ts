// Fixture for tests of servers with interfaces: a conductor with two hosts. Database, bus and saga
// runner are real; Placement, Glance and Neutron are doubles at the HTTP boundary, agents are
// doubles on the bus.
import { after, afterEach, beforeEach } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { ComputeAgentRpc } from '#contracts/nova/compute-agent-rpc.ts';
import type { GuestNic, GuestSpec } from '#contracts/nova/guest.ts';
import type { HandlersOf } from '#platform/bus/contract.ts';
import { Secret } from '#platform/log.ts';
import type { NeutronDouble } from '../neutron.testing.ts';
import { neutronDouble } from '../neutron.testing.ts';
import { startConductor } from './conductor.testing.ts';

export const secret = new Secret('between us');
export const never = new AbortController().signal;

/** The Neutron double, new for each test. `isSilent`: the agent reports no device addresses. */
export const world: { neutron: NeutronDouble; isSilent: boolean } = {
  neutron: neutronDouble(),
  isSilent: false,
};
/** The interfaces that the agents were told to plug, by guest. */
export const plugged = new Map<string, GuestNic[]>();
export const specs = new Map<string, GuestSpec>();

export const fixture = await startConductor({
  hosts: ['h1', 'h2'],
  config: { vifPluggingTimeoutMs: 2_000, metadataSecret: secret },
  agent: {
    buildGuest: async ({ spec }) => {
      specs.set(spec.uuid, spec);
      plugged.set(spec.uuid, [...spec.nics]);
      return null;
    },
    destroyGuest: async ({ uuid }) => {
      plugged.delete(uuid);
      return null;
    },
    attachNic: async ({ uuid, nic }) => {
      const now = plugged.get(uuid);
      if (!now) return fault('notFound', 'no guest');
      plugged.set(uuid, [...now.filter(({ portId }) => portId !== nic.portId), nic]);
      return null;
    },
    detachNic: async ({ uuid, portId }) => {
      plugged.set(
        uuid,
        (plugged.get(uuid) ?? []).filter((nic) => nic.portId !== portId),
      );
      return null;
    },
    pciAddresses: async ({ uuid }) =>
      world.isSilent
        ? fault('unavailable', 'no answer')
        : {
            addresses: Object.fromEntries([
              ...(plugged.get(uuid) ?? []).map(({ portId }) => [portId, '0000:00:03.0']),
              ['vda', '0000:00:04.0'],
            ]),
          },
  } satisfies Partial<HandlersOf<ComputeAgentRpc>>,
});
export const { nova, post, show, untilIdle, buildServer, deleteServer } = fixture;
export const imageId = fixture.image.id;

/** Registers the test hooks: each test begins without servers and with a new Neutron. */
export function useNetworkServers(): void {
  after(async () => await fixture.close());
  beforeEach(() => {
    world.neutron = neutronDouble();
    nova.answerCalls((call) => {
      if (call.service === 'network') return world.neutron.answer(call);
      return call.service === 'image'
        ? { status: 200, body: fixture.image }
        : fixture.placement(call);
    });
  });
  afterEach(async () => {
    world.neutron.away = false;
    await fixture.removeAll();
  });
}

// Compares the interfaces and volumes of guests with those that Nova expects, and attaches or
// detaches the difference: after a lost answer a guest may have one too many or too few.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { ExpectedGuest } from '#contracts/nova/conductor-rpc.ts';
import type { NovaAgentDeps } from './deps.ts';

export interface Repair {
  action: 'attach' | 'detach';
  /** Id of a port or volume. */
  id: string;
}

export function decideDevices(wanted: readonly string[], actual: readonly string[]): Repair[] {
  return [
    ...actual.filter((id) => !wanted.includes(id)).map((id): Repair => ({ action: 'detach', id })),
    ...wanted.filter((id) => !actual.includes(id)).map((id): Repair => ({ action: 'attach', id })),
  ];
}

interface DeviceKind {
  name: string;
  /** Ids of the devices that the guest should have; null: not to be compared now. */
  wanted(guest: ExpectedGuest): string[] | null;
  actual(uuid: string): Promise<Outcome<string[]>>;
  attach(guest: ExpectedGuest, id: string): Promise<Outcome<void>>;
  detach(uuid: string, id: string): Promise<Outcome<void>>;
}

function kindsOf(hypervisor: NovaAgentDeps['hypervisor']): readonly DeviceKind[] {
  return [
    {
      name: 'interface',
      wanted: ({ nics }) => nics && nics.map(({ portId }) => portId),
      actual: async (uuid) => await hypervisor.nics(uuid),
      detach: async (uuid, id) => await hypervisor.detachNic(uuid, id),
      async attach({ uuid, nics }, id) {
        const nic = nics?.find(({ portId }) => portId === id);
        return nic && (await hypervisor.attachNic(uuid, nic));
      },
    },
    {
      name: 'volume',
      wanted: ({ volumes }) => volumes && volumes.map(({ volumeId }) => volumeId),
      actual: async (uuid) => await hypervisor.volumes(uuid),
      detach: async (uuid, id) => await hypervisor.detachVolume(uuid, id),
      async attach({ uuid, volumes }, id) {
        const volume = volumes?.find(({ volumeId }) => volumeId === id);
        return volume && (await hypervisor.attachVolume(uuid, volume));
      },
    },
  ];
}

/**
 * Corrects a difference only if the previous pass has seen the same one: a difference that is seen
 * once may be a change in progress.
 */
export function createDeviceMender({
  hypervisor,
  config,
  log,
}: Pick<NovaAgentDeps, 'hypervisor' | 'config' | 'log'>): (
  expected: readonly ExpectedGuest[],
) => Promise<void> {
  const kinds = kindsOf(hypervisor);
  let suspects = new Set<string>();
  return async (expected) => {
    const nextSuspects = new Set<string>();
    for (const guest of expected)
      for (const kind of kinds) {
        const { uuid } = guest;
        const wanted = kind.wanted(guest);
        const actual = wanted && (await kind.actual(uuid));
        // null: Nova has said nothing about the devices; a fault: the host does not answer. The
        // guest is left alone.
        if (!wanted || !actual || isFault(actual)) continue;
        for (const { action, id } of decideDevices(wanted, actual)) {
          const key = `${uuid} ${action} ${id}`;
          if (!suspects.has(key)) {
            nextSuspects.add(key);
            continue;
          }
          const outcome = await (action === 'attach'
            ? kind.attach(guest, id)
            : kind.detach(uuid, id));
          const facts = { server: uuid, host: config.host, action, device: kind.name, id };
          if (isFault(outcome))
            log.error({ ...facts, why: outcome.message }, 'device cannot be mended');
          else log.warn(facts, 'device mended');
          if (isFault(outcome)) nextSuspects.add(key);
        }
      }
    suspects = nextSuspects;
  };
}

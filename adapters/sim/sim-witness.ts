// The simulated drivers of ports/peer-probe.ts and ports/storage-marks.ts: what simulated hosts see
// of each other over connections that tests can cut. Addresses are host names.
import type { Fault } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { PeerProbe } from '#ports/peer-probe.ts';
import type { StorageMarks } from '#ports/storage-marks.ts';

export type SimWay = 'network' | 'storage';

export interface SimWitnesses {
  probeOf(host: string): PeerProbe;
  marksOf(host: string): StorageMarks;
  /** Cuts or restores one of the host's connections. */
  cut(host: string, way: SimWay, isCut: boolean): void;
}

/** Creates the drivers of all simulated hosts. `isOn`: whether the host runs. */
export function createSimWitnesses(isOn: (host: string) => boolean): SimWitnesses {
  const cuts = new Set<string>();
  const marks = new Map<string, string>();
  const has = (host: string, way: SimWay): boolean => isOn(host) && !cuts.has(`${way} ${host}`);
  const away = (host: string): Fault | undefined =>
    has(host, 'storage') ? undefined : fault('unavailable', `${host} does not reach the storage`);
  return {
    probeOf: (host) => ({
      reaches: async (address) => has(host, 'network') && has(address, 'network'),
    }),
    marksOf: (from) => ({
      async write(host, mark) {
        const refusal = away(from);
        if (refusal) return refusal;
        marks.set(host, mark);
        return undefined;
      },
      read: async (host) =>
        away(from) ?? marks.get(host) ?? fault('notFound', `${host} has never written`),
      close: () => undefined,
    }),
    cut: (host, way, isCut) =>
      void (isCut ? cuts.add(`${way} ${host}`) : cuts.delete(`${way} ${host}`)),
  };
}

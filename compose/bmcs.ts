// The BMCs of an embedded cloud's hosts: emulated Redfish BMCs for the local hosts, reached by HTTP
// like real ones, and simulated BMCs for simulated hosts.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createRedfishBmc } from '#adapters/redfish/redfish-bmc.ts';
import { startEmulatedBmc } from '#hosts/bmc/emulated-bmc.ts';
import type { PowerTiming } from '#hosts/bmc/power-orders.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { Bmc, BmcDirectory } from '#ports/bmc.ts';
import type { HostFleet } from './hosts.ts';

export interface HostBmcs extends BmcDirectory {
  /** Starts the BMC of a host that the fleet has. Does nothing if it has one already. */
  add(host: string): Promise<void>;
  /** Stops the BMC and deletes its password and log. Does nothing if there is none. */
  remove(host: string): Promise<void>;
  /** Stops all BMCs; the power state of the hosts stays. */
  close(): Promise<void>;
}

export interface BmcDeps {
  fleet: Pick<HostFleet, 'chassis' | 'simulatedBmcs'>;
  /** Parent folder; each BMC has a folder of its own in it. */
  folder: string;
  timing: PowerTiming;
  version: string;
  clock: Clock;
  ids: Ids;
  log: Log;
}

export async function startBmcs(deps: BmcDeps): Promise<HostBmcs> {
  const { fleet, folder, timing, version, clock, ids } = deps;
  const log = deps.log.child({ component: 'bmc' });
  /** The emulated BMCs, by local host. */
  const emulated = new Map<string, { bmc: Bmc; close(): Promise<void> }>();
  const bmcs: HostBmcs = {
    bmcOf: (host) => fleet.simulatedBmcs.get(host) ?? emulated.get(host)?.bmc,
    async add(host) {
      const chassis = fleet.chassis.get(host);
      if (!chassis || emulated.has(host)) return;
      const server = await startEmulatedBmc(
        { host, folder: join(folder, host), version, timing },
        { chassis, clock, ids, log },
      );
      const { origin, user, password, certificate } = server;
      const bmc = createRedfishBmc(
        { origin, user, password, trust: { kind: 'pinned', certificate } },
        { clock, ids, log },
      );
      emulated.set(host, {
        bmc,
        async close() {
          await bmc.close();
          await server.close();
        },
      });
    },
    async remove(host) {
      await emulated.get(host)?.close();
      emulated.delete(host);
      await rm(join(folder, host), { recursive: true, force: true });
    },
    async close() {
      await Promise.all([...emulated.values()].map(async (each) => await each.close()));
      emulated.clear();
    },
  };
  try {
    for (const host of fleet.chassis.keys()) await bmcs.add(host);
  } catch (error) {
    await bmcs.close();
    throw error;
  }
  return bmcs;
}

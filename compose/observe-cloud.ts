// Gathers what `compare` judges: opens the databases and asks every host, beside a running control
// plane or without one.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createLibvirtHypervisor } from '#adapters/libvirt/libvirt-hypervisor.ts';
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import { createSimHypervisor } from '#adapters/sim/sim-hypervisor.ts';
import { fileStore } from '#adapters/sim/sim-world.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { filerFacts } from '#hosts/local/local-filer.ts';
import { createLocalHosts } from '#hosts/local/local-hosts.ts';
import { createLocalNetwork } from '#hosts/local/local-network.ts';
import { systemClock } from '#platform/clock.ts';
import { loadConfig } from '#platform/config/config.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type { HostAudit, Observed } from './audit.ts';
import { emulatorProcesses } from './audit.ts';
import { cloudConfigSchema } from './config.ts';
import { homePaths, readSecrets } from './home.ts';
import { ovnNetwork, simulatedNetwork } from './network.ts';
import { createControlPlane } from './services.ts';
import { nfsStorage, simulatedStorage } from './storage.ts';

export async function observeCloud(
  dir: string,
  env: Readonly<Record<string, string | undefined>>,
  { cloudRuns }: { cloudRuns: boolean },
): Promise<Observed> {
  const home = homePaths(dir);
  const config = await loadConfig(cloudConfigSchema, {
    file: home.configFile,
    env,
    prefix: 'COBALT',
  });
  const facts = await createLocalNetwork({
    stateDir: dir,
    log: silentLog,
    clock: systemClock,
  }).facts();
  const simulated = (await readdir(home.simulated).catch(() => []))
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length));
  const network = facts
    ? ovnNetwork(facts, simulated, { clock: systemClock, log: silentLog })
    : simulatedNetwork(simulated, { clock: systemClock });
  const plane = await createControlPlane({
    home,
    secrets: await readSecrets(dir),
    config,
    origin: 'http://127.0.0.1',
    network,
    storage: facts
      ? nfsStorage(
          { home, config, clock: systemClock, ids: systemIds, log: silentLog },
          filerFacts(facts),
        )
      : simulatedStorage(home),
    clock: systemClock,
    ids: systemIds,
    log: silentLog,
  });
  try {
    const [hosts, unreachable] = [[] as HostAudit[], [] as string[]];
    const add = async (
      host: string,
      hypervisor: Hypervisor,
      dataDir: string | null,
    ): Promise<void> => {
      const seen = await observeHost(host, hypervisor, dataDir);
      if (seen) hosts.push(seen);
      else unreachable.push(host);
      await hypervisor.close();
    };
    const local = createLocalHosts({
      stateDir: dir,
      log: silentLog,
      clock: systemClock,
      kvm: false,
    });
    for (const host of await local.list()) {
      if (host.state === 'running')
        await add(
          host.name,
          createLibvirtHypervisor(
            {
              socketPath: host.libvirtSocket,
              stateDir: host.dataDir,
              acceleration: 'tcg',
              runDir: join(host.dataDir, 'vnc'),
            },
            { log: silentLog, images: createQemuDiskImages({ log: silentLog }) },
          ),
          host.dataDir,
        );
      else unreachable.push(host.name);
    }
    const store = fileStore(home.simulated);
    for (const name of simulated)
      await add(name, createSimHypervisor({ hostname: name }, { store }), null);
    // The databases last: what the hosts were doing meanwhile shows as a task there.
    const neutron = await plane.neutron.audit();
    // A simulated network lives in the control plane's process alone: this one has an empty one.
    if (!facts) neutron.sdn = 'simulated';
    return {
      nova: await plane.nova.audit(),
      neutron,
      cinder: await plane.cinder.audit(),
      placement: await plane.placement.audit(),
      images: await plane.glance.audit(),
      hosts,
      unreachable,
      cloudRuns,
    };
  } finally {
    await plane.close();
  }
}

async function observeHost(
  host: string,
  hypervisor: Hypervisor,
  dataDir: string | null,
): Promise<HostAudit | undefined> {
  const guests = await hypervisor.list();
  const disks = await hypervisor.inventory();
  if (isFault(guests) || isFault(disks)) return undefined;
  return {
    host,
    guests: await Promise.all(
      guests.map(async ({ uuid, state }) => ({
        uuid,
        state,
        ports: orNone(await hypervisor.nics(uuid)),
        volumes: orNone(await hypervisor.volumes(uuid)),
      })),
    ),
    guestFolders: disks.guestFolders,
    brokenOverlays: disks.brokenOverlays,
    processes: dataDir === null ? null : await emulatorProcesses(dataDir),
  };
}

/** None where the guest has just gone: it is not listed any more either. */
const orNone = (found: Outcome<string[]>): string[] => (isFault(found) ? [] : found);

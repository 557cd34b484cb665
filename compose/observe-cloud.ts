// Gathers the data for the audit's `compare`: reads the databases and asks every host, beside a
// running control plane or without one. Read-only: no migration, no role, no writer to OVN.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createLibvirtHypervisor } from '#adapters/libvirt/libvirt-hypervisor.ts';
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import { createSimHypervisor } from '#adapters/sim/sim-hypervisor.ts';
import { fileStore } from '#adapters/sim/sim-world.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { filerFacts } from '#hosts/local/local-filer.ts';
import { createLocalHosts } from '#hosts/local/local-hosts.ts';
import { createLocalNetwork } from '#hosts/local/local-network.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import { systemClock } from '#platform/clock.ts';
import { ConfigError, loadConfig } from '#platform/config/config.ts';
import { missingMigrations } from '#platform/db/migrate.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type { HostAudit, Observed } from './audit.ts';
import { cloudConfigSchema } from './config.ts';
import type { Home } from './home.ts';
import { homePaths, readSecrets } from './home.ts';
import { simulatedHostsIn } from './hosts.ts';
import { ovnNetwork, simulatedNetwork } from './network.ts';
import { observeHost } from './observe-host.ts';
import type { Peers } from './peers.ts';
import { connectPeers } from './peers.ts';
import { readProcessConfig } from './process-config.ts';
import type { CloudProcess } from './process.ts';
import { createProcess } from './process.ts';
import { cinderAudit } from './roles/cinder.ts';
import { glanceAudit } from './roles/glance.ts';
import { neutronAudit } from './roles/neutron.ts';
import { novaAudit } from './roles/nova.ts';
import { placementAudit } from './roles/placement.ts';
import { loadService } from './roles/table.ts';
import { databaseFile, databaseNames } from './state-files.ts';
import { nfsStorage, simulatedStorage } from './storage.ts';

/**
 * Gathers the data of the cloud in `dir`. `distributed`: its databases are in MariaDB, which must
 * run.
 */
export async function observeCloud(
  dir: string,
  env: Readonly<Record<string, string | undefined>>,
  { cloudRuns, distributed }: { cloudRuns: boolean; distributed: boolean },
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
  const simulated = await simulatedHostsIn(home.simulated);
  const network = facts
    ? ovnNetwork(facts, simulated, { clock: systemClock, log: silentLog })
    : simulatedNetwork(simulated, { clock: systemClock });
  const openDatabase = distributed ? await distributedDatabases(home) : undefined;
  const process = createProcess({
    ...(openDatabase ? { openDatabase } : {}),
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
    bus: createInProcessBus({ log: silentLog, clock: systemClock, ids: systemIds }),
    http: { send: async () => fault('unavailable', 'An audit asks no service.') },
    processName: 'audit',
  });
  try {
    await refuseOtherSchemas(process);
    const [hosts, unreachable] = [[] as HostAudit[], [] as string[]];
    const add = async (
      host: string,
      hypervisor: Hypervisor,
      dataDir: string | null,
    ): Promise<void> => {
      const observation = await observeHost(host, hypervisor, dataDir);
      if (isFault(observation)) unreachable.push(host);
      else hosts.push(observation);
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
    // Databases are read last: an operation that ran while the hosts were asked then shows as a
    // task.
    const neutron = await neutronAudit(process, { beside: true });
    // The simulated network exists only in the memory of the control plane's process, so it cannot
    // be compared here.
    if (!facts) neutron.sdn = 'simulated';
    return {
      nova: await novaAudit(process),
      neutron,
      cinder: await cinderAudit(process),
      placement: await placementAudit(process),
      images: await glanceAudit(process),
      hosts,
      unreachable,
      cloudRuns,
    };
  } finally {
    await process.close();
  }
}

async function distributedDatabases(home: Home): Promise<Peers['openDatabase']> {
  const { value } = await readProcessConfig(home.processSettings, {});
  const peers = await connectPeers({
    config: { ...value, bus: { ...value.bus, hosts: '' } }, // an audit sends nothing
    home,
    clock: systemClock,
    ids: systemIds,
    log: silentLog,
  });
  const [database] = peers.of(['keystone']);
  const trouble = await database?.trouble().catch((error: unknown) => String(error));
  if (trouble !== undefined)
    throw new ConfigError(
      `The databases of this cloud do not answer (${trouble}). They run with it: ./cobalt up`,
    );
  return peers.openDatabase;
}

/** Refuses databases with another release's schema: an audit must not migrate them. */
async function refuseOtherSchemas(process: CloudProcess): Promise<void> {
  for (const name of databaseNames) {
    // A missing SQLite file is skipped, since opening it would create it.
    if (
      !process.openDatabase &&
      !(await stat(databaseFile(process.home, name)).catch(() => undefined))
    )
      throw new ConfigError(
        `There is no database of ${name} in ${process.home.databases}. Restore it from a backup.`,
      );
    const missing = await missingMigrations(
      process.database(name).db,
      name,
      (await loadService(name)).migrations,
    );
    if (missing.length > 0)
      throw new ConfigError(
        `The database of ${name} was written by an earlier release, and an audit changes nothing. Start the cloud with this release first: ./cobalt up`,
      );
  }
}

// Powers on one local host: writes configuration files, creates the network namespace with its
// interfaces, starts the init.
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import { ensureCertificate } from './host-certificates.ts';
import type { HostPaths } from './host-paths.ts';
import { beginWatchdog, belowWatchdog } from './host-watchdog.ts';
import { etcHosts, libvirtdConf, migrationConf } from './libvirt-config.ts';
import { filerFacts } from './local-filer.ts';
import { ensureNetns } from './netns.ts';
import type { NetworkFacts } from './network-facts.ts';
import { mountArguments } from './nfs-client.ts';
import { startInit } from './start-init.ts';
import { managementAddress, plugHost } from './underlay.ts';

const initScript = join(import.meta.dirname, 'host-init.sh');
const qemuConf = join(import.meta.dirname, 'qemu.conf');
const libvirtd = '/usr/sbin/libvirtd';
const needed = [
  [libvirtd, 'libvirt-daemon libvirt-daemon-driver-qemu'],
  ['/usr/sbin/ovs-vswitchd', 'openvswitch-switch'],
  ['/usr/bin/ovn-controller', 'ovn-host'],
  ['/usr/bin/openssl', 'openssl'],
] as const;

interface StartOptions {
  /** The cloud's state folder. */
  stateDir: string;
  index: number;
  network: NetworkFacts;
  kvm: boolean;
  clock: Clock;
  /** Another process has started the init already: only wait until it is ready. */
  alreadyStarting: boolean;
}

/**
 * Starts the host, and waits until it is ready. unavailable: a tool is missing or the init ended;
 * timeout; faults of `ensureCertificate`.
 */
export async function startHost(
  host: HostPaths,
  { stateDir, index, network, kvm, clock, alreadyStarting }: StartOptions,
): Promise<Outcome<void>> {
  for (const [program, packages] of needed)
    if (!existsSync(program))
      return fault('unavailable', `${program} is missing: apt-get install ${packages}`);
  if (!alreadyStarting) {
    const address = managementAddress(network, index);
    await writeConfiguration(host, index, address);
    const certified = await ensureCertificate(
      stateDir,
      { name: host.name, dir: host.dir, address },
      clock.now(),
    );
    if (isFault(certified)) return certified;
    await ensureNetns(host.netns);
    await plugHost(host.netns, index, network);
    await beginWatchdog(host);
  }
  const script = [
    initScript,
    host.dir,
    host.name,
    libvirtd,
    network.southbound,
    `172.31.0.${index}`,
    network.datapath,
    ...mountArguments(filerFacts(network)),
    ...(kvm ? ['kvm'] : []),
  ];
  return await startInit(host, {
    script: alreadyStarting ? undefined : script,
    below: belowWatchdog(host),
    clock,
  });
}

async function writeConfiguration(host: HostPaths, index: number, address: string): Promise<void> {
  await mkdir(join(host.dir, 'etc/libvirt'), { recursive: true });
  await writeFile(join(host.dir, 'etc/hosts'), etcHosts(host.name, index));
  await writeFile(join(host.dir, 'etc/libvirt/libvirtd.conf'), libvirtdConf(host.dir, address));
  // Written anew rather than copied with the original's mode: the state folder's files are for its
  // owner only.
  await writeFile(
    join(host.dir, 'etc/libvirt/qemu.conf'),
    `${await readFile(qemuConf, 'utf8')}${migrationConf(address)}`,
  );
}

// The physical network of a cloud on one machine: a namespace with one bridge each for tunnels, the
// external network and management. Every host has an interface in each bridge, the machine in two
// of them. All calls are safe to repeat.
import { createHash } from 'node:crypto';
import { addressIn } from './free-cidr.ts';
import type { NetworkPaths } from './host-paths.ts';
import { ensureNetns } from './netns.ts';
import type { NetworkFacts } from './network-facts.ts';
import { runTool, tryTool } from './run-tool.ts';

const bridges = { tun: 'br-tun', ext: 'br-ext', mgmt: 'br-mgmt' } as const;
/** Number of the machine's address in the external and in the management network: the first. */
const machineNumber = 1;
/** Number of a host's address: after the machine's. The filer's counts from the network's end. */
export const hostNumber = (index: number): number => 1 + index;

/**
 * Creates the bridges and the machine's interfaces: `ext`, by which the machine reaches floating
 * IPs, and `mgmt`, by which the control plane reaches hosts and filer.
 */
export async function ensureUnderlay(
  { netns, machineDevices }: NetworkPaths,
  cidrs: { ext: string; mgmt: string },
): Promise<void> {
  await ensureNetns(netns);
  for (const bridge of Object.values(bridges)) {
    // The exit code is ignored: the bridge may exist already.
    await tryTool('ip', ['-n', netns, 'link', 'add', bridge, 'type', 'bridge']);
    await runTool('ip', ['-n', netns, 'link', 'set', bridge, 'up']);
  }
  for (const wire of ['ext', 'mgmt'] as const) {
    const device = machineDevices[wire];
    await plug([], device, netns, `machine-${wire}`, wire);
    await runTool('ip', ['addr', 'replace', inNetwork(cidrs[wire], machineNumber), 'dev', device]);
  }
  await sendWholePackets([], machineDevices.ext);
}

/** The address at which a host receives libvirt's calls and incoming migrations. */
export const managementAddress = (
  { managementCidr }: Pick<NetworkFacts, 'managementCidr'>,
  index: number,
): string => addressIn(managementCidr, hostNumber(index));

/** The address at which hosts reach the control plane. */
export const machineAddress = ({ managementCidr }: Pick<NetworkFacts, 'managementCidr'>): string =>
  addressIn(managementCidr, machineNumber);

/** Removes the machine's interfaces; their peers in the namespace end with them. */
export async function removeMachineLegs({ machineDevices }: NetworkPaths): Promise<void> {
  for (const device of Object.values(machineDevices))
    if (await isThere([], device)) await runTool('ip', ['link', 'del', device]);
}

/** Creates `tun0`, `ext0` and `mgmt0` in the host's namespace, each with its peer in a bridge. */
export async function plugHost(
  netns: string,
  index: number,
  { underlay, datapath, managementCidr }: NetworkFacts,
): Promise<void> {
  const into = ['-n', netns];
  for (const wire of ['tun', 'ext', 'mgmt'] as const)
    await plug(into, `${wire}0`, underlay, `${wire}${index}`, wire);
  await runTool('ip', [
    ...into,
    'addr',
    'replace',
    inNetwork(managementCidr, hostNumber(index)),
    'dev',
    'mgmt0',
  ]);
  if (datapath === 'netdev')
    for (const device of ['tun0', 'ext0']) await sendWholePackets(['netns', 'exec', netns], device);
}

/** Creates an interface in the management network only. */
export async function plugManagement(
  netns: string,
  name: string,
  number: number,
  { underlay, managementCidr }: NetworkFacts,
): Promise<void> {
  await plug(['-n', netns], 'mgmt0', underlay, name, 'mgmt');
  await runTool('ip', [
    '-n',
    netns,
    'addr',
    'replace',
    inNetwork(managementCidr, number),
    'dev',
    'mgmt0',
  ]);
}

/** The host's interfaces, by name, in the kernel's order; [] if there is no such namespace. */
export async function interfacesOf(netns: string): Promise<{ id: string; macAddress: string }[]> {
  const { code, stdout } = await tryTool('ip', ['-n', netns, '-j', 'link', 'show', 'type', 'veth']);
  if (code !== 0) return [];
  // Cast: output of `ip -j link`, ip-link(8).
  const links = JSON.parse(stdout || '[]') as { ifname?: string; address?: string }[];
  return links.flatMap(({ ifname, address }) =>
    ifname !== undefined && address !== undefined && /^(tun|ext|mgmt)0$/.test(ifname)
      ? [{ id: ifname, macAddress: address }]
      : [],
  );
}

const inNetwork = (cidr: string, number: number): string =>
  `${addressIn(cidr, number)}/${cidr.split('/')[1]}`;

async function plug(
  into: readonly string[],
  device: string,
  underlay: string,
  peer: string,
  wire: keyof typeof bridges,
): Promise<void> {
  if (!(await isThere(into, device))) await addPair(into, device, underlay, peer);
  await runTool('ip', ['-n', underlay, 'link', 'set', peer, 'master', bridges[wire], 'up']);
  await runTool('ip', [...into, 'link', 'set', device, 'up']);
}

const isThere = async (into: readonly string[], device: string): Promise<boolean> =>
  (await tryTool('ip', [...into, 'link', 'show', device])).code === 0;

async function addPair(
  into: readonly string[],
  device: string,
  peerNetns: string,
  peer: string,
): Promise<void> {
  // The peer may still exist, from a namespace deleted a moment ago whose removal is not complete:
  // delete it first.
  await tryTool('ip', ['-n', peerNetns, 'link', 'del', peer]);
  await runTool('ip', [
    ...into,
    'link',
    'add',
    device,
    'address',
    hardwareAddress([...into, device]),
    'type',
    'veth',
    'peer',
    'name',
    peer,
    'netns',
    peerNetns,
  ]);
}

/**
 * The MAC address of a device, the same whenever the device is recreated, like a real card's.
 * Otherwise neighbours, which cache it for minutes (ARP, OVN's MAC_Binding), would keep the old
 * one, and a guest's floating IP would be unreachable meanwhile.
 */
function hardwareAddress(device: readonly string[]): string {
  const hash = createHash('sha256').update(device.join(' ')).digest('hex');
  // 0a: a unicast, locally administered address.
  return ['0a', ...(hash.slice(0, 10).match(/../g) ?? [])].join(':');
}

/**
 * Turns checksum offload off: the userspace Open vSwitch forwards packets unchanged, so a checksum
 * left to the device would never be filled in.
 */
async function sendWholePackets(inNetns: readonly string[], device: string): Promise<void> {
  if (inNetns.length === 0) await runTool('ethtool', ['-K', device, 'tx', 'off']);
  else await runTool('ip', [...inNetns, 'ethtool', '-K', device, 'tx', 'off']);
}

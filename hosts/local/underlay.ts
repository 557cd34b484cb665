// The wires below the cloud's networks: a namespace with a bridge for tunnels and one for the external network, a leg in each for
// every host, and the machine's own leg in the external one. All calls are safe to repeat.
import type { NetworkPaths } from './host-paths.ts';
import type { NetworkFacts } from './local-network.ts';
import { ensureNetns } from './netns.ts';
import { runTool, tryTool } from './run-tool.ts';

const bridges = { tun: 'br-tun', ext: 'br-ext' } as const;

/** The bridges, and the machine as the first address of the external network, so that floating IPs answer its shell. */
export async function ensureUnderlay({ netns, machineDevice }: NetworkPaths, publicCidr: string): Promise<void> {
  await ensureNetns(netns);
  for (const bridge of Object.values(bridges)) {
    await tryTool('ip', ['-n', netns, 'link', 'add', bridge, 'type', 'bridge']); // one that is there stays
    await runTool('ip', ['-n', netns, 'link', 'set', bridge, 'up']);
  }
  const [network = '', bits = ''] = publicCidr.split('/');
  if (!(await isThere([], machineDevice))) await addPair([], machineDevice, netns, 'machine');
  await joinBridge(netns, 'machine', bridges.ext);
  await runTool('ip', ['addr', 'replace', `${network.replace(/\d+$/, (last) => String(Number(last) + 1))}/${bits}`, 'dev', machineDevice]);
  await runTool('ip', ['link', 'set', machineDevice, 'up']);
  await sendWholePackets([], machineDevice);
}

/** The machine's leg; what is in the namespace goes with it. */
export async function removeMachineLeg({ machineDevice }: NetworkPaths): Promise<void> {
  if (await isThere([], machineDevice)) await runTool('ip', ['link', 'del', machineDevice]);
}

/** `tun0` and `ext0` in the host's namespace, each with its other end in a bridge. */
export async function plugHost(netns: string, index: number, { underlay, datapath }: NetworkFacts): Promise<void> {
  for (const [wire, bridge] of Object.entries(bridges)) {
    const [inHost, inUnderlay] = [`${wire}0`, `${wire}${index}`];
    const into = ['-n', netns];
    if (!(await isThere(into, inHost))) await addPair(into, inHost, underlay, inUnderlay);
    await joinBridge(underlay, inUnderlay, bridge);
    await runTool('ip', [...into, 'link', 'set', inHost, 'up']);
    if (datapath === 'netdev') await sendWholePackets(['netns', 'exec', netns], inHost);
  }
}

const isThere = async (into: readonly string[], device: string): Promise<boolean> => (await tryTool('ip', [...into, 'link', 'show', device])).code === 0;

async function addPair(into: readonly string[], device: string, peerNetns: string, peer: string): Promise<void> {
  // A peer without its other end cannot be; one of a namespace that was deleted a moment ago can, and goes first.
  await tryTool('ip', ['-n', peerNetns, 'link', 'del', peer]);
  await runTool('ip', [...into, 'link', 'add', device, 'type', 'veth', 'peer', 'name', peer, 'netns', peerNetns]);
}

async function joinBridge(netns: string, device: string, bridge: string): Promise<void> {
  await runTool('ip', ['-n', netns, 'link', 'set', device, 'master', bridge, 'up']);
}

/** Open vSwitch in userspace reads the wire as it is: a checksum left for later would never be made. */
async function sendWholePackets(inNetns: readonly string[], device: string): Promise<void> {
  if (inNetns.length === 0) await runTool('ethtool', ['-K', device, 'tx', 'off']);
  else await runTool('ip', [...inNetns, 'ethtool', '-K', device, 'tx', 'off']);
}

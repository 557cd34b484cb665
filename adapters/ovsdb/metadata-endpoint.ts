// The endpoint at which the guests of a network reach the metadata service on a host: an internal
// port of the integration bridge, bound to the network's localport and moved into a network
// namespace of its own. Called by ovs-host-network.ts.
import type { LocalNetwork } from '#ports/host-network.ts';
import { runOnHost, type Enter } from './host-tool.ts';

const prefix = 'ovnmeta-';
export const netnsOf = (networkId: string): string => `${prefix}${networkId}`;
/** The interface's name; at most 15 characters (Linux, IFNAMSIZ). */
export const interfaceOf = (networkId: string): string =>
  `md${networkId.replaceAll('-', '').slice(0, 12)}`;
export const isEndpoint = (interfaceName: string): boolean =>
  /^md[0-9a-f]{12}$/.test(interfaceName);

const metadataAddresses = ['169.254.169.254/32', 'fe80::a9fe:a9fe/64'];

export async function listEndpoints(enter: Enter): Promise<string[]> {
  const text = await runOnHost(enter, ['ip', 'netns', 'list']);
  return text
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length));
}

/**
 * Whether the interface is in its namespace with its addresses, and connected to Open vSwitch. With
 * the userspace datapath it is a persistent tap: a killed ovs-vswitchd leaves it here without
 * carrier, and the next one creates another on the host.
 */
export async function isInPlace(enter: Enter, network: LocalNetwork): Promise<boolean> {
  const name = interfaceOf(network.id);
  const addressList = await runOnHost(enter, [
    'ip',
    '-n',
    netnsOf(network.id),
    '-j',
    'address',
    'show',
    'dev',
    name,
  ]).catch(() => '[]'); // the interface does not exist
  const [link] = JSON.parse(addressList.trim() || '[]') as {
    address?: string;
    flags?: string[];
    addr_info?: { local: string; prefixlen: number }[];
  }[]; // ip -j address: ip-address(8)
  if (
    !link ||
    link.address !== network.metadataPort.mac ||
    !link.flags?.includes('UP') ||
    link.flags.includes('NO-CARRIER')
  )
    return false;
  const currentAddresses = new Set(
    (link.addr_info ?? []).map(({ local, prefixlen }) => `${local}/${prefixlen}`),
  );
  return [...network.metadataPort.cidrs, ...metadataAddresses].every((each) =>
    currentAddresses.has(each),
  );
}

/**
 * Moves the interface into the namespace, if it is still on the host, and sets its addresses;
 * addresses that the network no longer has are removed.
 */
export async function putInPlace(enter: Enter, network: LocalNetwork): Promise<void> {
  const [netns, name] = [netnsOf(network.id), interfaceOf(network.id)];
  const within = (...words: string[]): Promise<string> =>
    runOnHost(enter, ['ip', '-n', netns, ...words]);
  await ensureNetns(enter, netns);
  if (
    await runOnHost(enter, ['ip', 'link', 'show', 'dev', name]).then(
      () => true,
      () => false,
    )
  ) {
    await within('link', 'delete', 'dev', name).catch(() => undefined); // it may not exist
    await runOnHost(enter, ['ip', 'link', 'set', 'dev', name, 'netns', netns]);
  }
  await within('link', 'set', 'dev', 'lo', 'up');
  await within('link', 'set', 'dev', name, 'address', network.metadataPort.mac);
  await within('address', 'flush', 'dev', name);
  await within('link', 'set', 'dev', name, 'up');
  for (const address of [...network.metadataPort.cidrs, ...metadataAddresses]) {
    await within(
      'address',
      'replace',
      address,
      'dev',
      name,
      ...(address.includes(':') ? ['nodad'] : []),
    );
  }
}

export async function removeNetns(enter: Enter, networkId: string): Promise<void> {
  if ((await listEndpoints(enter)).includes(networkId))
    await runOnHost(enter, ['ip', 'netns', 'delete', netnsOf(networkId)]);
}

/**
 * Creates the namespace. One that exists but does not work any more, as after a crash, is
 * recreated.
 */
async function ensureNetns(enter: Enter, netns: string): Promise<void> {
  const works = () =>
    runOnHost(enter, ['ip', 'netns', 'exec', netns, 'true']).then(
      () => true,
      () => false,
    );
  if (await works()) return;
  await runOnHost(enter, ['ip', 'netns', 'delete', netns]).catch(() => undefined); // it may not exist
  await runOnHost(enter, ['ip', 'netns', 'add', netns]);
}

// The place on a host where a network's guests find metadata: an internal port of the integration
// bridge that stands for the network's localport, moved into a network namespace of its own. Called
// by the host network.
import type { LocalNetwork } from '#ports/host-network.ts';
import { runOnHost, type Enter } from './host-tool.ts';

const prefix = 'ovnmeta-';
export const netnsOf = (networkId: string): string => `${prefix}${networkId}`;
/** At most 15 characters: Linux, IFNAMSIZ. */
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
 * Whether the interface is in its namespace with its addresses, and Open vSwitch at its other end:
 * in userspace it is a persistent tap, which an ovs-vswitchd that was killed leaves here without
 * carrier, while the next one makes another on the host.
 */
export async function isInPlace(enter: Enter, network: LocalNetwork): Promise<boolean> {
  const name = interfaceOf(network.id);
  const shown = await runOnHost(enter, [
    'ip',
    '-n',
    netnsOf(network.id),
    '-j',
    'address',
    'show',
    'dev',
    name,
  ]).catch(() => '[]'); // not there
  const [link] = JSON.parse(shown.trim() || '[]') as {
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
  const held = new Set(
    (link.addr_info ?? []).map(({ local, prefixlen }) => `${local}/${prefixlen}`),
  );
  return [...network.metadataPort.cidrs, ...metadataAddresses].every((each) => held.has(each));
}

/**
 * `name` exists on the host already, or in the namespace. Addresses of a former shape of the
 * network go.
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
    await within('link', 'delete', 'dev', name).catch(() => undefined); // none is fine
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

/** A name whose namespace is gone (left by a crash) is made anew. */
async function ensureNetns(enter: Enter, netns: string): Promise<void> {
  const works = () =>
    runOnHost(enter, ['ip', 'netns', 'exec', netns, 'true']).then(
      () => true,
      () => false,
    );
  if (await works()) return;
  await runOnHost(enter, ['ip', 'netns', 'delete', netns]).catch(() => undefined); // none is fine
  await runOnHost(enter, ['ip', 'netns', 'add', netns]);
}

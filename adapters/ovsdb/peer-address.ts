// The remote address of a socket that was accepted in another network namespace. Node cannot report
// a link-local address there, because it resolves the interface index in its own namespace (ENXIO,
// uv_if_indextoiid). The connection table of the socket's namespace has it.
import { readlink } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { HostToolFailed, runOnHost, type Enter } from './host-tool.ts';

/**
 * The remote address of the accepted socket. Throws HostToolFailed if the connection has ended
 * already.
 */
export async function peerAddress(enter: Enter, netns: string, socket: Socket): Promise<string> {
  // The handle of libuv, which the types do not show.
  const { fd } = (socket as unknown as { _handle?: { fd?: number } })._handle ?? {};
  const inode = /^socket:\[(\d+)\]$/.exec(
    await readlink(`/proc/self/fd/${fd}`).catch(() => ''),
  )?.[1];
  const table =
    inode === undefined
      ? ''
      : await runOnHost(enter, ['ip', 'netns', 'exec', netns, 'cat', '/proc/net/tcp6']);
  const address = addressIn(table, inode ?? '');
  if (address === null) throw new HostToolFailed(`no connection with inode ${inode} in ${netns}`);
  return address;
}

/**
 * The remote address of the connection with this inode; null: it is not in the table. `table`:
 * /proc/net/tcp6, whose addresses are four words in this machine's byte order: proc(5).
 */
export function addressIn(table: string, inode: string): string | null {
  const columns = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find((each) => each[9] === inode);
  const hex = columns?.[2]?.split(':')[0];
  if (hex?.length !== 32) return null;
  const bytes = Buffer.from(hex, 'hex').swap32().toString('hex');
  // The URL parser returns the usual short notation.
  return new URL(`http://[${bytes.replace(/(....)(?=.)/g, '$1:')}]`).hostname.slice(1, -1);
}

// The address of an OVSDB server, in Open vSwitch's notation: `unix:/run/ovn/ovnnb_db.sock`,
// `tcp:127.0.0.1:6641`, `tcp:[::1]:6641`.
import net from 'node:net';

export function connectTo(remote: string): net.Socket {
  const unix = /^unix:(.+)$/.exec(remote)?.[1];
  if (unix !== undefined) return net.connect(unix);
  const [, host, port] = /^tcp:(.+):(\d+)$/.exec(remote) ?? [];
  if (host === undefined || port === undefined)
    throw new Error(`${remote}: neither unix:PATH nor tcp:HOST:PORT`);
  return net.connect({ host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port), noDelay: true });
}

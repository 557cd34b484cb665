// The simulated driver of ports/host-network.ts, in memory; its endpoints are real sockets on the
// loopback interface. For tests only: hosts of a simulated cloud have no Neutron Agent.
import net, { type Server } from 'node:net';
import { fault, type Outcome } from '#contracts/common/fault.ts';
import type { HostNetwork, HostNetworkListeners, LocalNetwork } from '#ports/host-network.ts';

export interface SimHostNetwork extends HostNetwork {
  /** Sets the guests that are plugged in; null: not reported yet. */
  plug(networks: readonly LocalNetwork[] | null): void;
  /** Loses the endpoints, as a power failure does. */
  crash(): void;
  power(on: boolean): void;
}

export function createSimHostNetwork(
  host: string,
  listeners: HostNetworkListeners = {},
): SimHostNetwork {
  const endpoints = new Map<string, LocalNetwork['metadataPort']>();
  let networks: readonly LocalNetwork[] | null = [];
  let on = true;
  const whenOn = async <T>(work: () => Outcome<T> | Promise<Outcome<T>>): Promise<Outcome<T>> =>
    on ? await work() : fault('unavailable', `${host} is off`);
  return {
    facts: () =>
      whenOn(() => ({
        chassis: host,
        hostname: host,
        bridgeMappings: {},
        encapIp: '',
        encapTypes: [],
        health: { switchAlive: true, controllerConnected: true, tunnels: [] },
      })),
    networks: () => networks,
    endpoints: () => whenOn(() => [...endpoints.keys()]),
    ensureEndpoint: (network) => whenOn(() => void endpoints.set(network.id, network.metadataPort)),
    listen: (networkId) =>
      whenOn(async () =>
        endpoints.has(networkId)
          ? await listening()
          : fault('unavailable', `${networkId} has no endpoint`),
      ),
    peerAddress: (_networkId, socket) =>
      whenOn(() => socket.remoteAddress ?? fault('unavailable', 'the connection is gone')),
    removeEndpoint: (networkId) => whenOn(() => void endpoints.delete(networkId)),
    removeStalePorts: () => whenOn(() => []),
    close: async () => undefined,
    plug(now) {
      networks = now;
      listeners.changed?.();
    },
    crash: () => endpoints.clear(),
    power: (to) => void (on = to),
  };
}

function listening(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

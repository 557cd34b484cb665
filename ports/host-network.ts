// What the Neutron Agent needs of the network on its host. Drivers: adapters/ovsdb (Open vSwitch
// and ovn-controller) and adapters/sim. Contract suite: host-network.testing.ts.
import type { Server, Socket } from 'node:net';
import type { Outcome } from '#contracts/common/fault.ts';
import type { HostNetworkFacts } from '#contracts/neutron/host-network.ts';

/** A guest's port that is plugged in on this host. */
export interface LocalGuest {
  readonly portId: string;
  readonly mac: string;
  /** Without prefix length. */
  readonly ips: readonly string[];
  /** The server it belongs to. */
  readonly instanceId: string;
  readonly projectId: string;
}

/** A network with guests on this host, and the port through which they reach metadata. */
export interface LocalNetwork {
  readonly id: string;
  readonly metadataPort: {
    readonly id: string;
    readonly mac: string;
    /** e.g. 10.0.0.2/24 */ readonly cidrs: readonly string[];
  };
  readonly guests: readonly LocalGuest[];
}

export interface HostNetworkListeners {
  /** `networks()` may have changed. Must not throw. */
  changed?(): void;
  /**
   * The switch was restarted: endpoints may have lost their interface; `ensureEndpoint` repairs
   * them. Must not throw.
   */
  endpointsLost?(): void;
}

/** Faults of every call: unavailable, timeout. All calls are safe to repeat. */
export interface HostNetwork {
  facts(): Promise<Outcome<HostNetworkFacts>>;

  /** As last reported; null before that. Networks without a metadata port are left out. */
  networks(): readonly LocalNetwork[] | null;

  /** Networks that have an endpoint on this host, also one created by an earlier process. */
  endpoints(): Promise<Outcome<string[]>>;

  /**
   * Creates or repairs an address at which the network's guests reach 169.254.169.254 and
   * fe80::a9fe:a9fe, apart from the host's own network. Resolves when packets can arrive.
   */
  ensureEndpoint(network: LocalNetwork): Promise<Outcome<void>>;

  /** Listens on port 80 of the endpoint's addresses, for this process. The caller closes it. */
  listen(networkId: string): Promise<Outcome<Server>>;

  /**
   * The remote address of a connection accepted by `listen`'s server, without a zone: Node cannot
   * tell link-local ones.
   */
  peerAddress(networkId: string, socket: Socket): Promise<Outcome<string>>;

  removeEndpoint(networkId: string): Promise<Outcome<void>>;

  /**
   * Removes ports of the switch whose interface does not exist any more (guests of a host that lost
   * power), and returns their names. For the agent's start, before it starts guests.
   */
  removeStalePorts(): Promise<Outcome<string[]>>;

  close(): Promise<void>;
}

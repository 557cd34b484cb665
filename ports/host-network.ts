// What the Neutron Agent uses of the network on its host. Drivers: adapters/ovsdb (Open vSwitch and
// ovn-controller) and adapters/sim. Contract suite: host-network.testing.ts.
import type { Server, Socket } from 'node:net';
import type { Outcome } from '#contracts/common/fault.ts';
import type { HostNetworkFacts } from '#contracts/neutron/host-network.ts';

/** A guest's Neutron port that is plugged in on this host. */
export interface LocalGuest {
  readonly portId: string;
  readonly mac: string;
  /** IP addresses without prefix length. */
  readonly ips: readonly string[];
  /** UUID of the server that the port belongs to. */
  readonly instanceId: string;
  readonly projectId: string;
}

/** A network with guests on this host, and the port that serves them metadata. */
export interface LocalNetwork {
  readonly id: string;
  readonly metadataPort: {
    readonly id: string;
    readonly mac: string;
    /** Addresses, e.g. 10.0.0.2/24 */ readonly cidrs: readonly string[];
  };
  readonly guests: readonly LocalGuest[];
}

export interface HostNetworkListeners {
  /** Called when the result of `networks()` may have changed. Must not throw. */
  changed?(): void;
  /**
   * Called when the virtual switch was restarted: endpoints may have lost their interface, and
   * `ensureEndpoint` repairs them. Must not throw.
   */
  endpointsLost?(): void;
}

/**
 * The network of one host. Faults of every call: unavailable, timeout. All calls are safe to
 * repeat.
 */
export interface HostNetwork {
  facts(): Promise<Outcome<HostNetworkFacts>>;

  /**
   * The networks as last reported by the switch; null before the first report. Networks without a
   * metadata port are left out.
   */
  networks(): readonly LocalNetwork[] | null;

  /**
   * Ids of the networks that have an endpoint on this host, including those created by an earlier
   * process.
   */
  endpoints(): Promise<Outcome<string[]>>;

  /**
   * Creates or repairs the network's endpoint, separate from the host's own network, at which its
   * guests reach 169.254.169.254 and fe80::a9fe:a9fe. Resolves when packets can arrive.
   */
  ensureEndpoint(network: LocalNetwork): Promise<Outcome<void>>;

  /**
   * Listens on port 80 of the endpoint's addresses, in this process. The caller closes the server.
   */
  listen(networkId: string): Promise<Outcome<Server>>;

  /**
   * The remote address of a connection that `listen`'s server accepted, without an IPv6 zone.
   * Needed because Node does not report link-local addresses rightly.
   */
  peerAddress(networkId: string, socket: Socket): Promise<Outcome<string>>;

  removeEndpoint(networkId: string): Promise<Outcome<void>>;

  /**
   * Removes switch ports whose interface does not exist any more (left by guests when the host lost
   * power) and returns their names. Called when the agent starts, before it starts guests.
   */
  removeStalePorts(): Promise<Outcome<string[]>>;

  close(): Promise<void>;
}

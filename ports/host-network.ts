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

/** A network with guests on this host, and the port through which they ask for metadata. */
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
  /** `networks()` may say something else now. Must not throw. */
  changed?(): void;
  /**
   * The switch began anew: endpoints may have lost their interface, `ensureEndpoint` mends them.
   * Must not throw.
   */
  endpointsLost?(): void;
}

/** Faults of all: unavailable, timeout. All calls are safe to repeat. */
export interface HostNetwork {
  facts(): Promise<Outcome<HostNetworkFacts>>;

  /** As last heard; null before that. Networks without a metadata port are left out. */
  networks(): readonly LocalNetwork[] | null;

  /** Networks that have an endpoint on this host, also one of a former process. */
  endpoints(): Promise<Outcome<string[]>>;

  /**
   * An address where the network's guests find 169.254.169.254 and fe80::a9fe:a9fe, apart from the
   * host's own network. Mends what is missing; resolves when packets can arrive.
   */
  ensureEndpoint(network: LocalNetwork): Promise<Outcome<void>>;

  /** Port 80 of the endpoint's addresses, for this process to accept from. The caller closes it. */
  listen(networkId: string): Promise<Outcome<Server>>;

  /**
   * Where a connection comes from that `listen`'s socket accepted: Node cannot say it of link-local
   * addresses. Without a zone.
   */
  peerAddress(networkId: string, socket: Socket): Promise<Outcome<string>>;

  removeEndpoint(networkId: string): Promise<Outcome<void>>;

  /**
   * Removes ports of the switch whose interface is gone: guests of a host that lost power. Their
   * names. For the start, before guests are.
   */
  removeStalePorts(): Promise<Outcome<string[]>>;

  close(): Promise<void>;
}

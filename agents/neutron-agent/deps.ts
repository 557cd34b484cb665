// Dependencies of a host's Neutron Agent, provided by compose.
import type { HttpClient } from '#openstack/http/client.ts';
import type { Bus } from '#platform/bus/bus.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log, Secret } from '#platform/log.ts';
import type { HostNetwork, HostNetworkListeners } from '#ports/host-network.ts';

export interface NeutronAgentConfig {
  /** The host's name, which is also its chassis name in OVN. */
  host: string;
  version: string;
  /**
   * Signs the instance id in metadata requests; Nova's metadata API verifies it with the same
   * secret.
   */
  metadataSecret: Secret;
}

export interface NeutronAgentDeps {
  openHostNetwork(listeners: HostNetworkListeners): HostNetwork;
  bus: Bus;
  /**
   * Client for Nova's metadata API (the service `metadata`). Requests carry a signature instead of
   * a token.
   */
  http: HttpClient;
  clock: Clock;
  ids: Ids;
  log: Log;
  config: NeutronAgentConfig;
}

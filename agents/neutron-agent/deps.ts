// What the Neutron Agent of one host needs; provided by compose.
import type { HttpClient } from '#openstack/http/client.ts';
import type { Bus } from '#platform/bus/bus.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log, Secret } from '#platform/log.ts';
import type { HostNetwork, HostNetworkListeners } from '#ports/host-network.ts';

export interface NeutronAgentConfig {
  /** The host's name, which is its chassis name in OVN. */
  host: string;
  version: string;
  /** Signs the instance id in metadata requests; Nova's metadata API has the same secret. */
  metadataSecret: Secret;
}

export interface NeutronAgentDeps {
  openHostNetwork(listeners: HostNetworkListeners): HostNetwork;
  bus: Bus;
  /**
   * Reaches Nova's metadata API, the service `metadata` to this client. Requests carry no token but
   * a signature.
   */
  http: HttpClient;
  clock: Clock;
  ids: Ids;
  log: Log;
  config: NeutronAgentConfig;
}

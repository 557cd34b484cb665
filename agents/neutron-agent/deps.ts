// What the Neutron Agent of one host needs; made by compose.
import type { HttpClient } from '#openstack/http/client.ts';
import type { Bus } from '#platform/bus/bus.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log, Secret } from '#platform/log.ts';
import type { HostNetwork, HostNetworkListeners } from '#ports/host-network.ts';

export interface NeutronAgentConfig {
  /** The host's name: its chassis in OVN. */
  host: string;
  version: string;
  /** Signs for whom metadata is asked; Nova's metadata API has the same. */
  metadataSecret: Secret;
}

export interface NeutronAgentDeps {
  openHostNetwork(listeners: HostNetworkListeners): HostNetwork;
  bus: Bus;
  /** Reaches Nova's metadata API as service `metadata`. */
  http: HttpClient;
  clock: Clock;
  ids: Ids;
  log: Log;
  config: NeutronAgentConfig;
}

// Calls of Neutron Agents to Neutron, topic `neutron`: the state of a host's network.
import type { HostNetworkFacts } from './host-network.ts';

export const neutronTopic = 'neutron';

export type NeutronRpc = {
  /**
   * A heartbeat with facts of the host. The host's metadata agent is listed, and counts as alive
   * while heartbeats arrive. Idempotent.
   */
  reportNetwork: {
    params: { host: string; facts: HostNetworkFacts; version: string; startedAtMs: number };
    result: { intervalMs: number };
  };
};

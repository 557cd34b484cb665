// Neutron Agents -> Neutron, topic `neutron`: what a host's network is made of and how it does.
import type { HostNetworkFacts } from './host-network.ts';

export const neutronTopic = 'neutron';

export type NeutronRpc = {
  /**
   * A heartbeat with facts: the host's metadata agent is listed, and alive while these come.
   * Idempotent.
   */
  reportNetwork: {
    params: { host: string; facts: HostNetworkFacts; version: string; startedAtMs: number };
    result: { intervalMs: number };
  };
};

// Client for Neutron's agents API, for the Hypervisor Operator: lists and removes the network
// agents of a host. https://docs.openstack.org/api-ref/network/v2/#networking-agents
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { ClientDeps } from './call.ts';
import { documentOf, itself, succeeded } from './call.ts';
import { askNeutron } from './neutron.ts';

export interface NetworkAgent {
  id: string;
  binary: string;
  host: string;
  alive: boolean;
}

/** Calls to Neutron's agents API. Faults of every call: those of `Neutron`. */
export interface NeutronAgents {
  agentsOn(host: string): Promise<Outcome<NetworkAgent[]>>;
  /**
   * Disables and deletes the agent's record, even while the agent is running; it is listed again
   * once it is restarted. Succeeds if it does not exist.
   */
  removeAgent(id: string): Promise<Outcome<void>>;
}

export function neutronAgentsClient(deps: ClientDeps): NeutronAgents {
  const ask = askNeutron(deps, itself);
  const one = (id: string): string => `agents/${encodeURIComponent(id)}`;
  const unlessGone = (outcome: Outcome<void>): Outcome<void> =>
    isFault(outcome) && outcome.kind === 'notFound' ? undefined : outcome;
  return {
    agentsOn: async (host) =>
      await documentOf('agents', ask('GET', `agents?host=${encodeURIComponent(host)}`)),
    async removeAgent(id) {
      const disabled = await succeeded(ask('PUT', one(id), { agent: { admin_state_up: false } }));
      if (isFault(disabled)) return unlessGone(disabled);
      return unlessGone(await succeeded(ask('DELETE', one(id))));
    },
  };
}

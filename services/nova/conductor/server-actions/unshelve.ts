// Starts the guest of a shelved server that is still on its host. An offloaded server is built
// anew: unshelve-server.ts.
import { powerState } from '#contracts/nova/server-states.ts';
import { agentOn } from '../../rpc-clients.ts';
import type { ServerChangeRow } from './action.ts';
import { endsIn } from './action.ts';

export const unshelve: ServerChangeRow = {
  effect: async (deps, server, _input, call) =>
    await agentOn(deps, server.host).call('startGuest', { uuid: server.id }, call),
  ends: endsIn('active', powerState.running),
  onFailure: 'same',
  facts: () => ({ shelved_at_ms: null }),
};

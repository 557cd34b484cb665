// Starts the guest of a stopped server.
import { powerState } from '#contracts/nova/server-states.ts';
import { agentOn } from '../../rpc-clients.ts';
import type { ServerChangeRow } from './action.ts';
import { endsIn } from './action.ts';

export const start: ServerChangeRow = {
  effect: async (deps, server, _input, call) =>
    await agentOn(deps, server.host).call('startGuest', { uuid: server.id }, call),
  ends: endsIn('active', powerState.running),
  onFailure: 'same',
};

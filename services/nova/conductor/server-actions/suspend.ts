// Saves the guest's memory to disk and switches it off.
import { powerState } from '#contracts/nova/server-states.ts';
import { agentOn } from '../../rpc-clients.ts';
import type { ServerChangeRow } from './action.ts';
import { endsIn } from './action.ts';

export const suspend: ServerChangeRow = {
  effect: async (deps, server, _input, call) =>
    await agentOn(deps, server.host).call('suspendGuest', { uuid: server.id }, call),
  ends: endsIn('suspended', powerState.shutdown),
  onFailure: 'same',
};

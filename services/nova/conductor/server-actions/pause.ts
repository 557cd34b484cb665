// Halts the guest's processors; its memory stays.
import { powerState } from '#contracts/nova/server-states.ts';
import { agentOn } from '../../rpc-clients.ts';
import type { ServerChangeRow } from './action.ts';
import { endsIn } from './action.ts';

export const pause: ServerChangeRow = {
  effect: async (deps, server, _input, call) =>
    await agentOn(deps, server.host).call('pauseGuest', { uuid: server.id }, call),
  ends: endsIn('paused', powerState.paused),
  onFailure: 'same',
};

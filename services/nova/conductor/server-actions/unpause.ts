// Resumes the processors of a paused guest.
import { powerState } from '#contracts/nova/server-states.ts';
import { agentOn } from '../../rpc-clients.ts';
import type { ServerChangeRow } from './action.ts';
import { endsIn } from './action.ts';

export const unpause: ServerChangeRow = {
  effect: async (deps, server, _input, call) =>
    await agentOn(deps, server.host).call('unpauseGuest', { uuid: server.id }, call),
  ends: endsIn('active', powerState.running),
  onFailure: 'same',
};

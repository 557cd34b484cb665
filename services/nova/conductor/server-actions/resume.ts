// Restores a suspended guest from its saved memory.
import { powerState } from '#contracts/nova/server-states.ts';
import { agentOn } from '../../rpc-clients.ts';
import type { ServerChangeRow } from './action.ts';
import { endsIn } from './action.ts';

export const resume: ServerChangeRow = {
  effect: async (deps, server, _input, call) =>
    await agentOn(deps, server.host).call('resumeGuest', { uuid: server.id }, call),
  ends: endsIn('active', powerState.running),
  onFailure: 'error',
};

// Powers the guest off and on again. Allowed in most states, as a way out of them.
import { powerState } from '#contracts/nova/server-states.ts';
import { agentOn } from '../../rpc-clients.ts';
import type { ServerChangeRow } from './action.ts';
import { endsIn } from './action.ts';

export const hardReboot: ServerChangeRow = {
  effect: async (deps, server, _input, call) =>
    await agentOn(deps, server.host).call(
      'rebootGuest',
      { uuid: server.id, kind: 'hard', timeoutMs: 0 },
      call,
    ),
  ends: endsIn('active', powerState.running),
  onFailure: 'error',
};

// Asks the guest to reboot, and resets it if it does not within the timeout.
import { powerState } from '#contracts/nova/server-states.ts';
import { agentOn } from '../../rpc-clients.ts';
import type { ServerChangeRow } from './action.ts';
import { endsIn } from './action.ts';

export const softReboot: ServerChangeRow = {
  effect: async (deps, server, _input, call) =>
    await agentOn(deps, server.host).call(
      'rebootGuest',
      { uuid: server.id, kind: 'soft', timeoutMs: deps.config.shutdownTimeoutMs },
      call,
    ),
  ends: endsIn('active', powerState.running),
  onFailure: 'error',
};

// Asks the guest to shut down, and powers it off if it does not within the timeout.
import { powerState } from '#contracts/nova/server-states.ts';
import { agentOn } from '../../rpc-clients.ts';
import type { ServerChangeRow } from './action.ts';
import { endsIn } from './action.ts';

export const stop: ServerChangeRow = {
  effect: async (deps, server, _input, call) =>
    await agentOn(deps, server.host).call(
      'stopGuest',
      { uuid: server.id, timeoutMs: deps.config.shutdownTimeoutMs },
      call,
    ),
  ends: endsIn('stopped', powerState.shutdown),
  onFailure: 'same',
};

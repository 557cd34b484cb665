// Recreates the root disk from the server's image, which may be a new one. A stopped server stays
// stopped; a server in error is started.
import { powerState } from '#contracts/nova/server-states.ts';
import { agentOn } from '../../rpc-clients.ts';
import { describeGuest } from '../describe-guest.ts';
import type { ServerChangeRow } from './action.ts';

export const rebuild: ServerChangeRow = {
  async effect(deps, server, { before }, call) {
    const spec = await describeGuest(deps, server);
    const start = before.vmState !== 'stopped';
    return await agentOn(deps, server.host).call('rebuildGuest', { spec, start }, call);
  },
  ends: ({ vmState }) =>
    vmState === 'stopped'
      ? { vmState: 'stopped', powerState: powerState.shutdown }
      : { vmState: 'active', powerState: powerState.running },
  onFailure: 'error',
  facts: (nowMs) => ({ launched_at_ms: nowMs }),
};

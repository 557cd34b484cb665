// Boots the server from another image, with its own root disk attached as well.
import { powerState } from '#contracts/nova/server-states.ts';
import { agentOn } from '../../rpc-clients.ts';
import { describeGuest } from '../describe-guest.ts';
import type { ServerChangeRow } from './action.ts';
import { endsIn } from './action.ts';

export const rescue: ServerChangeRow = {
  async effect(deps, server, { rescueImage }, call) {
    const spec = await describeGuest(deps, server, { volumes: [], image: rescueImage });
    return await agentOn(deps, server.host).call('rescueGuest', { uuid: server.id, spec }, call);
  },
  ends: endsIn('rescued', powerState.running),
  onFailure: 'error',
};

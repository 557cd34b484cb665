// Boots the server from another image, with its own disk beside.
import { powerState } from '#contracts/nova/server-states.ts';
import { guestSpec } from '../../domain/guest-spec.ts';
import { agentOn } from '../../rpc-clients.ts';
import { connectedNics } from '../../store/nics.ts';
import type { ServerChangeRow } from './action.ts';
import { endsIn } from './action.ts';

export const rescue: ServerChangeRow = {
  async effect(deps, server, { rescueImage }, call) {
    const spec = guestSpec(server, {
      zone: server.availability_zone ?? deps.config.defaultZone,
      nics: await connectedNics(deps.database.db, server.id),
      volumes: [],
      image: rescueImage,
    });
    return await agentOn(deps, server.host).call('rescueGuest', { uuid: server.id, spec }, call);
  },
  ends: endsIn('rescued', powerState.running),
  onFailure: 'error',
};

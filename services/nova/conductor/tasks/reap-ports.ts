// Ports that could not be given back while Neutron was away: Nova's own are deleted, the tenants'
// freed.
import { isFault } from '#contracts/common/fault.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { NovaDeps } from '../../deps.ts';
import { deleteNics, serversWithLostPorts } from '../../store/nics.ts';
import { disconnectNics } from '../connect-nics.ts';

const everyMs = 30_000;
const perRound = 100;

export const reapPorts = (deps: NovaDeps): Task => ({
  name: 'nova.reap-ports',
  everyMs,
  scope: 'one',
  atStart: true,
  run: async () => {
    const { db } = deps.database;
    const { ids, log } = deps;
    for (const server of await serversWithLostPorts(db, perRound)) {
      const removal = await disconnectNics(deps, server, { requestId: ids.requestId() });
      if (isFault(removal)) {
        log.warn({ server, why: removal.message }, 'ports not reaped');
        // One server's refusal does not keep the others waiting; without Neutron all wait.
        if (removal.kind === 'unavailable' || removal.kind === 'timeout') return;
        continue;
      }
      await deleteNics(db, server);
      log.info({ server }, 'lost ports reaped');
    }
  },
});

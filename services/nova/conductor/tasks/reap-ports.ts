// Periodic task: releases the ports of deleted servers and failed builds that could not be released
// while Neutron was away. Ports that Nova created are deleted, ports of tenants unbound.
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
        // A refusal affects one server only; if Neutron does not answer, the whole run ends.
        if (removal.kind === 'unavailable' || removal.kind === 'timeout') return;
        continue;
      }
      await deleteNics(db, server);
      log.info({ server }, 'lost ports reaped');
    }
  },
});

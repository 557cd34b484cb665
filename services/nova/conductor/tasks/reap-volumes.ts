// Periodic task: releases the volumes of deleted servers and failed builds that could not be
// released while their host or Cinder was away.
import { isFault } from '#contracts/common/fault.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { NovaDeps } from '../../deps.ts';
import { findServerEvenDeleted } from '../../store/servers.ts';
import { lostVolumes } from '../../store/volumes.ts';
import { dropVolume, takeBack } from '../connect-volumes.ts';

const everyMs = 30_000;
const perRound = 20;

export function reapVolumes(deps: NovaDeps): Task {
  const { db } = deps.database;
  const { ids, log } = deps;
  return {
    name: 'nova.reap-volumes',
    everyMs,
    scope: 'one',
    atStart: true,
    async run() {
      for (const row of await lostVolumes(db, perRound)) {
        const call = { requestId: ids.requestId() };
        const isGone =
          (await findServerEvenDeleted(db, row.server_id, null))?.deleted_at_ms !== null;
        const outcome = await (isGone ? dropVolume(deps, row, call) : takeBack(deps, row, call));
        if (isFault(outcome))
          log.info(
            { server: row.server_id, volume: row.volume_id, why: outcome.message },
            'a volume is not given back yet',
          );
        else
          log.warn(
            { server: row.server_id, volume: row.volume_id, req: call.requestId },
            'a volume that was left behind is given back',
          );
      }
    },
  };
}

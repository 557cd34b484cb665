// The saga behind POST /os-assisted-volume-snapshots: the agent switches the guest's writes to the
// file that Cinder created, then Cinder is told the result.
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { guestVolume } from '../domain/guest-volume.ts';
import { defineOperation } from '../operations.ts';
import { agentOn } from '../rpc-clients.ts';
import { changeServerVolume } from '../store/volumes.ts';
import { currentRow, ownCinder } from './connect-volumes.ts';

const switchDeadlineMs = 120_000;
const notifyDeadlineMs = 120_000;

export function assistSnapshot(deps: NovaDeps): AnySaga {
  const { db } = deps.database;
  const { log } = deps;
  return defineOperation<'nova.assist-snapshot', Record<string, never>>({
    name: 'nova.assist-snapshot',
    steps: [
      {
        name: 'switch',
        deadlineMs: switchDeadlineMs,
        retries: 5,
        async run({ rowId, serverId, newFile }, _state, { requestId }) {
          const row = await currentRow(deps, rowId);
          if (isFault(row)) return row;
          const volume = guestVolume(row);
          if (!volume || row.host === null)
            return fault('conflict', `Volume ${row.volume_id} is not connected.`);
          const next = switched(volume.connection, newFile);
          const snapshot = await agentOn(deps, row.host).call(
            'snapshotVolume',
            { uuid: serverId, volumeId: row.volume_id, next },
            { timeoutMs: switchDeadlineMs, requestId },
          );
          if (isFault(snapshot)) return snapshot;
          await changeServerVolume(db, rowId, { connection: JSON.stringify(next) });
        },
      },
      {
        name: 'tell',
        deadlineMs: notifyDeadlineMs,
        retries: 20,
        async run({ snapshotId }, _state, call) {
          const answer = await ownCinder(deps, call).tellSnapshot(snapshotId, 'creating');
          // notFound, badRequest: Cinder no longer has the snapshot, so there is nothing to report.
          return isFault(answer) && (answer.kind === 'notFound' || answer.kind === 'badRequest')
            ? undefined
            : answer;
        },
      },
    ],
    async failed({ serverId, rowId, snapshotId, newFile }, _state, reason, call) {
      log.error(
        { server: serverId, snapshot: snapshotId, req: call.requestId, why: reason.message },
        'a guest did not take a snapshot as it should',
      );
      const row = await currentRow(deps, rowId);
      const took =
        !isFault(row) &&
        row.connection ===
          // Cast: JSON that a saga of this conductor wrote.
          JSON.stringify(switched(JSON.parse(row.connection ?? '{}') as VolumeConnection, newFile));
      // If the host did not answer, the guest may be using the new file. Nothing is reported then:
      // on status `error` Cinder would delete the file while the guest writes to it.
      if (!took && (reason.kind === 'unavailable' || reason.kind === 'timeout')) return;
      const answer = await ownCinder(deps, call).tellSnapshot(
        snapshotId,
        took ? 'creating' : 'error',
      );
      if (isFault(answer) && answer.kind === 'unavailable')
        throw new Error(`tell Cinder: ${answer.message}`);
    },
  });
}

const switched = (connection: VolumeConnection, newFile: string): VolumeConnection =>
  connection.protocol === 'nfs'
    ? { ...connection, file: newFile }
    : { ...connection, volume: newFile };

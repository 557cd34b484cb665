// The volumes of a server whose guest is stopped and moves to another host. Called by the sagas of
// moves, and by their undo with the original host. Idempotent.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { NovaDeps } from '../deps.ts';
import { agentOn } from '../rpc-clients.ts';
import type { Server } from '../store/servers.ts';
import { changeServerVolume, connectedVolumes, volumesOf } from '../store/volumes.ts';
import { connectVolume, ownCinder } from './connect-volumes.ts';

interface Call {
  requestId: string;
}

const detachTimeoutMs = 60_000;

/**
 * Detaches all volumes from the stopped guest on `host`, so that the host no longer writes to them
 * nor holds their locks.
 */
export async function giveUpVolumes(
  deps: NovaDeps,
  server: Server,
  host: string,
  { requestId }: Call,
): Promise<Outcome<void>> {
  for (const { volume_id: volumeId } of await connectedVolumes(deps.database.db, server.id)) {
    const detached = await agentOn(deps, host).call(
      'detachVolume',
      { uuid: server.id, volumeId },
      { timeoutMs: detachTimeoutMs, requestId },
    );
    if (isFault(detached)) return detached;
  }
}

/**
 * Connects every volume to `host` with a new attachment and deletes the old host's. Idempotent: the
 * row names the new attachment and host before the host is connected.
 */
export async function moveVolumes(
  deps: NovaDeps,
  server: Server,
  host: string,
  call: Call,
): Promise<Outcome<void>> {
  const { db } = deps.database;
  const cinder = ownCinder(deps, call);
  for (const row of await volumesOf(db, server.id)) {
    const attachments = await cinder.attachments(server.id);
    if (isFault(attachments)) return attachments;
    const ofVolume = attachments.filter(({ volume_id }) => volume_id === row.volume_id);
    let current = row;
    if (row.host !== host) {
      const attachment =
        ofVolume.find(({ id }) => id !== row.attachment_id) ??
        (await cinder.reserve(row.volume_id, server.id));
      if (isFault(attachment)) return attachment;
      // In one write, and before the host is connected: a repeated run continues with this
      // attachment.
      const moved = { attachment_id: attachment.id, host, connection: null };
      await changeServerVolume(db, row.id, moved);
      current = { ...row, ...moved };
    }
    if (current.connection === null) {
      const connected = await connectVolume(deps, current, host, call);
      if (isFault(connected)) return connected;
    }
    for (const { id } of ofVolume.filter(({ id: other }) => other !== current.attachment_id)) {
      const deletion = await cinder.deleteAttachment(id);
      if (isFault(deletion)) return deletion;
    }
  }
}

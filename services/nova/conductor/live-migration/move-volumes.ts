// The volumes of a live-migrating server, which are attached to both hosts for a while. The
// attachment that the row does not name is the second one: the destination's before the guest has
// moved, the source's after. Every call is idempotent.
import { connectionFrom } from '#contracts/cinder/connection-info.ts';
import type { CinderAttachment } from '#contracts/cinder/wire.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { NovaDeps } from '../../deps.ts';
import type { ServerVolume } from '../../store/volumes.ts';
import { changeServerVolume, volumesOf } from '../../store/volumes.ts';
import { connectAttachment, ownCinder } from '../connect-volumes.ts';

interface Call {
  requestId: string;
}

/**
 * Attaches every volume to `host` as well. Returns the rows with the connection of that host; the
 * stored rows still have the source's.
 */
export async function connectToDestination(
  deps: NovaDeps,
  serverId: string,
  host: string,
  call: Call,
): Promise<Outcome<ServerVolume[]>> {
  const cinder = ownCinder(deps, call);
  const rows = await volumesOf(deps.database.db, serverId);
  if (rows.length === 0) return [];
  const attachments = await cinder.attachments(serverId);
  if (isFault(attachments)) return attachments;
  const connected: ServerVolume[] = [];
  for (const row of rows) {
    const attachment =
      secondOf(row, attachments) ?? (await cinder.reserve(row.volume_id, serverId));
    if (isFault(attachment)) return attachment;
    const connection = await connectAttachment(cinder, attachment.id, row, host);
    if (isFault(connection)) return connection;
    if (!connection)
      return fault('conflict', `Host ${host} does not know how to reach volume ${row.volume_id}.`);
    connected.push({ ...row, connection: JSON.stringify(connection) });
  }
  return connected;
}

const secondOf = (
  row: ServerVolume,
  attachments: readonly CinderAttachment[],
): CinderAttachment | undefined =>
  attachments.find(({ id, volume_id }) => volume_id === row.volume_id && id !== row.attachment_id);

/** For a guest that stays: deletes the destination's attachments. */
export async function disconnectFromDestination(
  deps: NovaDeps,
  serverId: string,
  call: Call,
): Promise<Outcome<void>> {
  const cinder = ownCinder(deps, call);
  const rows = await volumesOf(deps.database.db, serverId);
  const attachments = rows.length === 0 ? [] : await cinder.attachments(serverId);
  if (isFault(attachments)) return attachments;
  for (const row of rows) {
    const second = secondOf(row, attachments);
    const deletion = second && (await cinder.deleteAttachment(second.id));
    if (isFault(deletion)) return deletion;
  }
}

/**
 * For a guest that has moved: completes the destination's attachments, writes them into the rows
 * and deletes the source's.
 */
export async function moveVolumes(
  deps: NovaDeps,
  serverId: string,
  host: string,
  call: Call,
): Promise<Outcome<void>> {
  const { db } = deps.database;
  const cinder = ownCinder(deps, call);
  const rows = await volumesOf(db, serverId);
  const attachments = rows.length === 0 ? [] : await cinder.attachments(serverId);
  if (isFault(attachments)) return attachments;
  for (const row of rows) {
    const second = secondOf(row, attachments);
    if (!second) continue;
    let source = second.id; // the row names the destination's
    if (row.host !== host) {
      const completed = await cinder.complete(second.id);
      if (isFault(completed)) return completed;
      const connection = connectionFrom(second.connection_info ?? {});
      await changeServerVolume(db, row.id, {
        attachment_id: second.id,
        host,
        ...(connection && { connection: JSON.stringify(connection) }),
      });
      source = row.attachment_id ?? '';
    }
    const deletion = source === '' ? undefined : await cinder.deleteAttachment(source);
    if (isFault(deletion)) return deletion;
  }
}

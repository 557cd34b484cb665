// The volumes of a server that moves live: attached to both hosts for a while. Which attachment is
// the destination's follows from Cinder: it is the one that the server's row does not name. Every
// call is safe to repeat.
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

/** Attaches every volume to `host` as well; returns the rows as that host is told of them. */
export async function connectToDestination(
  deps: NovaDeps,
  serverId: string,
  host: string,
  call: Call,
): Promise<Outcome<ServerVolume[]>> {
  const cinder = ownCinder(deps, call);
  const rows = await volumesOf(deps.database.db, serverId);
  if (rows.length === 0) return [];
  const held = await cinder.attachments(serverId);
  if (isFault(held)) return held;
  const connected: ServerVolume[] = [];
  for (const row of rows) {
    const attachment = secondOf(row, held) ?? (await cinder.reserve(row.volume_id, serverId));
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
  held: readonly CinderAttachment[],
): CinderAttachment | undefined =>
  held.find(({ id, volume_id }) => volume_id === row.volume_id && id !== row.attachment_id);

/** The guest stays: its volumes are its host's alone again. */
export async function disconnectFromDestination(
  deps: NovaDeps,
  serverId: string,
  call: Call,
): Promise<Outcome<void>> {
  const cinder = ownCinder(deps, call);
  const rows = await volumesOf(deps.database.db, serverId);
  const held = rows.length === 0 ? [] : await cinder.attachments(serverId);
  if (isFault(held)) return held;
  for (const row of rows) {
    const second = secondOf(row, held);
    const deletion = second && (await cinder.deleteAttachment(second.id));
    if (isFault(deletion)) return deletion;
  }
}

/** The guest has moved: the destination's attachments are the server's, the source's are gone. */
export async function moveVolumes(
  deps: NovaDeps,
  serverId: string,
  host: string,
  call: Call,
): Promise<Outcome<void>> {
  const { db } = deps.database;
  const cinder = ownCinder(deps, call);
  const rows = await volumesOf(db, serverId);
  const held = rows.length === 0 ? [] : await cinder.attachments(serverId);
  if (isFault(held)) return held;
  for (const row of rows) {
    const second = secondOf(row, held);
    if (!second) continue;
    let source = second.id; // the row names the destination's already
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

// The Cinder attachments of a server's volumes: reserve, connect to a host, complete, release.
// Called by sagas and tasks, with Nova's own credentials. Idempotent: an attachment is found again
// by its server and volume.
import { connectionFrom } from '#contracts/cinder/connection-info.ts';
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import type { CinderVolume } from '#contracts/cinder/wire.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { GuestVolume } from '#contracts/nova/guest.ts';
import type { Cinder } from '#openstack/clients/cinder.ts';
import { cinderClient } from '#openstack/clients/cinder.ts';
import type { NovaDeps } from '../deps.ts';
import { connectedVolume } from '../domain/guest-volume.ts';
import { agentOn } from '../rpc-clients.ts';
import { findPending } from '../store/pending-resources.ts';
import { findServerEvenDeleted } from '../store/servers.ts';
import type { ServerVolume } from '../store/volumes.ts';
import {
  changeServerVolume,
  deleteServerVolume,
  findVolumeRow,
  volumesOf,
} from '../store/volumes.ts';
import { hopeless } from './saga-context.ts';

interface Call {
  requestId: string;
  signal?: AbortSignal;
}

export const ownCinder = (deps: NovaDeps, { requestId }: Call): Cinder =>
  cinderClient(deps, { token: null, requestId });
const pollEveryMs = 100;
const madeWithinMs = 10_000;
const unfinished: ReadonlySet<string> = new Set(['creating', 'downloading']);
const destroyTimeoutMs = 60_000;

/**
 * Reserves the volume: from now on no other server can attach it. badRequest: it is in use, or no
 * longer the project's. Returns the attachment's id.
 */
export async function reserveVolume(
  deps: NovaDeps,
  row: ServerVolume,
  call: Call,
): Promise<Outcome<string>> {
  if (row.attachment_id !== null) return row.attachment_id;
  const cinder = ownCinder(deps, call);
  const attachments = await cinder.attachments(row.server_id);
  if (isFault(attachments)) return attachments;
  const owned = await ownedVolume(deps, row, call);
  if (isFault(owned)) return owned;
  // An earlier try may have created the attachment and crashed before writing its id.
  const attachment =
    attachments.find((attachment) => attachment.volume_id === row.volume_id) ??
    (await cinder.reserve(row.volume_id, row.server_id));
  if (isFault(attachment)) return attachment;
  await changeServerVolume(deps.database.db, row.id, { attachment_id: attachment.id });
  return attachment.id;
}

/**
 * Reads the volume and checks that the server's project still owns it: it may have been transferred
 * since the request. badRequest: another project's.
 */
async function ownedVolume(
  deps: NovaDeps,
  row: ServerVolume,
  call: Call,
): Promise<Outcome<CinderVolume>> {
  const volume = await ownCinder(deps, call).volume(row.volume_id);
  if (isFault(volume)) return volume;
  const server = await findServerEvenDeleted(deps.database.db, row.server_id, null);
  return server && volume['os-vol-tenant-attr:tenant_id'] === server.project_id
    ? volume
    : hopeless(fault('badRequest', `Volume ${row.volume_id} could not be found.`));
}

/**
 * Connects an attachment to `host`. undefined: Cinder's connection info is of a kind that hosts do
 * not support.
 */
export async function connectAttachment(
  cinder: Cinder,
  attachmentId: string,
  row: ServerVolume,
  host: string,
): Promise<Outcome<VolumeConnection | undefined>> {
  const attachment = await cinder.connect(attachmentId, {
    host,
    platform: 'x86_64',
    os_type: 'linux',
    multipath: false,
    mountpoint: `/dev/${row.device}`,
  });
  return isFault(attachment) ? attachment : connectionFrom(attachment.connection_info ?? {});
}

/** Connects the volume to `host` and stores the connection info in its row. */
export async function connectVolume(
  deps: NovaDeps,
  row: ServerVolume,
  host: string,
  call: Call,
): Promise<Outcome<GuestVolume>> {
  const { db } = deps.database;
  const attachmentId = await reserveVolume(deps, row, call);
  if (isFault(attachmentId)) return attachmentId;
  await changeServerVolume(db, row.id, { host }); // first: the host may have it from now on
  const connection = await connectAttachment(ownCinder(deps, call), attachmentId, row, host);
  if (isFault(connection)) return connection;
  if (!connection)
    return hopeless(fault('conflict', `No host knows how to reach volume ${row.volume_id}.`));
  await changeServerVolume(db, row.id, { connection: JSON.stringify(connection) });
  return connectedVolume(row, connection);
}

/**
 * Deletes the volume's attachments; its row stays. To be called only when no guest uses the volume
 * any more.
 */
export async function releaseVolume(
  deps: NovaDeps,
  row: ServerVolume,
  call: Call,
): Promise<Outcome<void>> {
  const cinder = ownCinder(deps, call);
  const attachments = await cinder.attachments(row.server_id);
  if (isFault(attachments)) return attachments;
  const obsolete = attachments.filter(
    ({ id, volume_id }) => id === row.attachment_id || volume_id === row.volume_id,
  );
  return await dropAttachments(deps, cinder, row, obsolete, null);
}

/** Deletes the attachments, and leaves the row with `keptId` alone, without a connection. */
async function dropAttachments(
  deps: NovaDeps,
  cinder: ReturnType<typeof ownCinder>,
  row: ServerVolume,
  obsolete: readonly { id: string }[],
  keptId: string | null,
): Promise<Outcome<void>> {
  for (const { id } of obsolete) {
    const deletion = await cinder.deleteAttachment(id);
    if (isFault(deletion)) return deletion;
  }
  await changeServerVolume(deps.database.db, row.id, {
    attachment_id: keptId,
    connection: null,
    host: null,
  });
}

/**
 * Waits until new volumes are available, then connects every volume of the server to `host`. Faults
 * are marked hopeless, e.g. when a volume is in error, unless Cinder does not answer.
 */
export async function connectVolumes(
  deps: NovaDeps,
  serverId: string,
  host: string,
  call: Call & { signal: AbortSignal },
): Promise<Outcome<void>> {
  for (const row of await volumesOf(deps.database.db, serverId)) {
    const attachment =
      row.attachment_id === null ? await awaitMade(deps, row.volume_id, call) : undefined;
    if (isFault(attachment)) return attachment;
    const connected = await connectVolume(deps, row, host, call);
    if (isFault(connected))
      return connected.kind === 'unavailable' || connected.kind === 'timeout'
        ? connected
        : hopeless(connected);
  }
}

/**
 * Deletes the volume, but only if the server's project still owns it: Nova's own credentials could
 * delete any project's volume.
 */
async function deleteOwned(deps: NovaDeps, row: ServerVolume, call: Call): Promise<Outcome<void>> {
  const owned = await ownedVolume(deps, row, call);
  if (isFault(owned)) return owned.kind === 'notFound' ? undefined : owned;
  return await deleteMade(deps, row.volume_id, call);
}

/**
 * Deletes the volume. Cinder refuses to delete a volume while it works on it, so this waits up to
 * `madeWithinMs`. unavailable: Cinder still works on it after that time.
 */
async function deleteMade(deps: NovaDeps, volumeId: string, call: Call): Promise<Outcome<void>> {
  const cinder = ownCinder(deps, call);
  let refusedAtRest = false;
  for (const endsMs = deps.clock.now() + madeWithinMs; ;) {
    const deletion = await cinder.deleteVolume(volumeId);
    if (!isFault(deletion) || deletion.kind !== 'badRequest') return deletion;
    const volume = await cinder.volume(volumeId);
    if (isFault(volume)) return deletion;
    const inWork =
      unfinished.has(volume.status) || (await hasPassingSnapshot(deps, cinder, volumeId));
    if (!inWork) {
      if (refusedAtRest) return deletion;
      // The volume may have become deletable between the refusal and this read, so one more try.
      refusedAtRest = true;
      continue;
    }
    if (deps.clock.now() > endsMs)
      return fault(
        'unavailable',
        `Volume ${volumeId} cannot be deleted while it or a snapshot of it is being made.`,
      );
    await deps.clock.sleep(pollEveryMs);
  }
}

/**
 * Whether the volume has a snapshot that will soon be gone: one being created or deleted, or one of
 * an unfinished image request. It blocks the volume's deletion only for a while.
 */
async function hasPassingSnapshot(
  { database: { db } }: NovaDeps,
  cinder: Cinder,
  volumeId: string,
): Promise<boolean> {
  const snapshots = await cinder.snapshotsOf(volumeId);
  if (isFault(snapshots)) return false;
  for (const { status, metadata } of snapshots) {
    if (status === 'creating' || status === 'deleting') return true;
    const request = metadata?.['nova_request']?.split('.')[0];
    if (request !== undefined && (await findPending(db, request))) return true;
  }
  return false;
}

async function awaitMade(
  deps: NovaDeps,
  volumeId: string,
  call: Call & { signal: AbortSignal },
): Promise<Outcome<void>> {
  for (;;) {
    const volume = await ownCinder(deps, call).volume(volumeId);
    if (isFault(volume)) return volume.kind === 'notFound' ? hopeless(volume) : volume;
    if (volume.status.startsWith('error'))
      return hopeless(
        fault(
          'conflict',
          `Volume ${volumeId} did not finish being created. And its status is ${volume.status}.`,
        ),
      );
    if (!unfinished.has(volume.status)) return undefined;
    if (call.signal.aborted) return fault('timeout', `Volume ${volumeId} is not made in time.`);
    await deps.clock.sleep(pollEveryMs, { signal: call.signal }).catch(() => undefined);
  }
}

/** Completes the attachments of all volumes: tells Cinder that the guest has them. */
export async function completeVolumes(
  deps: NovaDeps,
  serverId: string,
  call: Call,
): Promise<Outcome<void>> {
  for (const row of await volumesOf(deps.database.db, serverId)) {
    const outcome =
      row.attachment_id === null
        ? undefined
        : await ownCinder(deps, call).complete(row.attachment_id);
    if (isFault(outcome)) return outcome;
  }
}

/**
 * Makes sure that the row's host has no guest of the server any more, then releases the volume.
 * unavailable: the host does not answer, so the volume stays connected; try again later.
 */
export async function takeBack(
  deps: NovaDeps,
  row: ServerVolume,
  call: Call,
): Promise<Outcome<void>> {
  if (row.host !== null) {
    const destroyed = await agentOn(deps, row.host).call(
      'destroyGuest',
      { uuid: row.server_id },
      { timeoutMs: destroyTimeoutMs, requestId: call.requestId },
    );
    if (isFault(destroyed)) return destroyed;
  }
  return await releaseVolume(deps, row, call);
}

/**
 * For a server that is being deleted: releases the volume, deletes it if delete_on_termination is
 * set, and deletes the row. unavailable, timeout: try again later.
 */
export async function dropVolume(
  deps: NovaDeps,
  row: ServerVolume,
  call: Call,
): Promise<Outcome<void>> {
  const back = await takeBack(deps, row, call);
  if (isFault(back)) return back;
  const deletion = row.delete_on_termination === 1 ? await deleteOwned(deps, row, call) : undefined;
  if (isFault(deletion) && (deletion.kind === 'unavailable' || deletion.kind === 'timeout'))
    return deletion;
  // Cinder refuses the deletion, e.g. because of snapshots: the volume is left to its owner.
  if (isFault(deletion))
    deps.log.warn(
      { server: row.server_id, volume: row.volume_id, req: call.requestId, why: deletion.message },
      'a volume does not go with its server',
    );
  await deleteServerVolume(deps.database.db, row.id);
}

/**
 * Keeps the volume reserved for a server that leaves its host: replaces the attachment of that host
 * by one without a connector. To be called only when no guest uses the volume any more.
 */
export async function keepReserved(
  deps: NovaDeps,
  row: ServerVolume,
  call: Call,
): Promise<Outcome<void>> {
  const cinder = ownCinder(deps, call);
  const attachments = await cinder.attachments(row.server_id);
  if (isFault(attachments)) return attachments;
  const volumeAttachments = attachments.filter(({ volume_id }) => volume_id === row.volume_id);
  // An attachment without a connector may exist from an earlier try.
  const reserved =
    volumeAttachments.find(({ status }) => status === 'reserved') ??
    (await cinder.reserve(row.volume_id, row.server_id));
  // The volume was deleted although the server has it. The row stays without an attachment; Cinder
  // will report the missing volume when the server is connected to its next host.
  const isGone = isFault(reserved) && reserved.kind === 'notFound';
  if (isFault(reserved) && !isGone) return reserved;
  const keptId = isFault(reserved) ? null : reserved.id;
  const obsolete = volumeAttachments.filter(({ id }) => id !== keptId);
  return await dropAttachments(deps, cinder, row, obsolete, keptId);
}

/** Reads the row again. notFound: another saga or the server's deletion has removed it. */
export async function currentRow(
  { database: { db } }: NovaDeps,
  rowId: string,
): Promise<Outcome<ServerVolume>> {
  return (await findVolumeRow(db, rowId)) ?? fault('notFound', 'The server has no such volume.');
}

// The transitions of an attachment, each in one transaction: reserve, connect, complete, release.
// Called by attachments.ts and attachment-actions.ts. A volume belongs to one server at a time:
// `reserve` compares and sets the volume's status, so of two callers one is refused.
import { connectionInfoOf } from '#contracts/cinder/connection-info.ts';
import { volumeLock } from '#contracts/cinder/operations.ts';
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import type { VolumeStatus } from '#contracts/cinder/volume-states.ts';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { transaction } from '#platform/db/transaction.ts';
import {
  attachmentsOf,
  changeAttachment,
  deleteAttachment,
  findAttachment,
  insertAttachment,
  isConnected,
} from '../store/attachments.ts';
import { enqueueOperation, whenIdle } from '../store/operations.ts';
import { leaveMessage } from '../store/owner-messages.ts';
import type { AttachmentRow, VolumeRow } from '../store/tables.ts';
import {
  changeVolume,
  changeVolumeIn,
  findVolume,
  lockVolume,
  requireLockedVolume,
  requireVolume,
} from '../store/volumes.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { attachmentOfServer } from './nova.ts';
import type { Request } from './request.ts';

const waitForSagaMs = 60_000;
const connectionTimeoutMs = 30_000;
const attachedStatuses: readonly VolumeStatus[] = ['reserved', 'attaching', 'detaching', 'in-use'];
export const evenInError: readonly VolumeStatus[] = [...attachedStatuses, 'error'];

/**
 * Reserves the volume by a new attachment. badRequest: the volume is not available, or another
 * server has it. `from`: the statuses from which it may be reserved; the older actions set
 * `attaching` before an attachment exists.
 */
export async function reserve(
  deps: HandlerDeps,
  volume: VolumeRow,
  wanted: { serverId: string | null; mode: 'rw' | 'ro' },
  from: readonly VolumeStatus[] = ['available'],
): Promise<Outcome<AttachmentRow>> {
  const { db } = deps.database;
  const { ids, clock } = deps;
  const row: AttachmentRow = {
    id: ids.uuid(),
    volume_id: volume.id,
    project_id: volume.project_id,
    server_id: wanted.serverId,
    host_name: null,
    device: null,
    status: 'reserved',
    mode: volume.readonly === 1 ? 'ro' : wanted.mode,
    connector_json: null,
    connection_json: null,
    created_at_ms: clock.now(),
    attached_at_ms: null,
  };
  return await transaction(db, async (trx): Promise<Outcome<AttachmentRow>> => {
    const current = await requireLockedVolume(trx, volume.id);
    if (isFault(current)) return current;
    const others = await attachmentsOf(trx, volume.id);
    // A second attachment is allowed only to the same server: during a migration the volume is on
    // two hosts, and a shelved server keeps it reserved when it leaves its host.
    const moves =
      (current.status === 'in-use' || current.status === 'attaching') &&
      wanted.serverId !== null &&
      others.length > 0 &&
      others.every(({ server_id }) => server_id === wanted.serverId);
    if (!moves && !(from.includes(current.status) && others.length === 0)) {
      return fault(
        'badRequest',
        `Invalid volume: Volume ${volume.id} status must be available or downloading to reserve, but the current status is ${current.status}.`,
      );
    }
    await insertAttachment(trx, row);
    if (!moves) await changeVolume(trx, volume.id, { status: 'reserved' }, clock.now());
    return row;
  });
}

/**
 * Records by which connection the host reaches the volume. Waits while a saga works on the volume,
 * e.g. removes a snapshot.
 */
export async function connect(
  deps: HandlerDeps,
  row: AttachmentRow,
  connector: JsonObject,
  mode: 'rw' | 'ro' | null,
  requestId: string,
): Promise<Outcome<AttachmentRow>> {
  const { db } = deps.database;
  const { clock } = deps;
  const host = typeof connector['host'] === 'string' ? connector['host'] : null;
  const marked = await whenIdle(
    deps,
    row.volume_id,
    waitForSagaMs,
    async (trx): Promise<Outcome<void>> => {
      const volume = await findVolume(trx, row.volume_id, null);
      const current = await findAttachment(trx, row.id, null);
      if (!volume || !current)
        return fault(
          'notFound',
          `Volume attachment could not be found with filter: attachment_id = ${row.id}.`,
        );
      if (!['reserved', 'attaching', 'in-use'].includes(volume.status))
        return fault('badRequest', `Invalid volume: Volume ${volume.id} is ${volume.status}.`);
      await changeAttachment(trx, row.id, {
        status: current.status === 'reserved' ? 'attaching' : current.status,
        connector_json: JSON.stringify(connector),
        host_name: host,
        ...(typeof connector['mountpoint'] === 'string' ? { device: connector['mountpoint'] } : {}),
        ...(mode === null ? {} : { mode: volume.readonly === 1 ? 'ro' : mode }),
      });
      await changeVolumeIn(trx, volume.id, ['reserved'], { status: 'attaching' }, clock.now());
    },
  );
  if (!marked) return fault('conflict', `Volume ${row.volume_id} is busy.`);
  if (isFault(marked.value)) return marked.value;
  const volume = await requireVolume(db, row.volume_id);
  if (isFault(volume)) return volume;
  const connection = await connectionOf(deps, volume.id, requestId);
  if (isFault(connection)) {
    // Nova has already answered 202 to its caller, so the failure is left as a message: one per
    // attachment, however often Nova retries.
    await leaveMessage(
      deps,
      'attachVolume',
      { type: 'VOLUME', id: volume.id, projectId: volume.project_id },
      connection,
      { sagaId: row.id, requestId },
    );
    return connection;
  }
  const current = await findAttachment(db, row.id, null);
  const info = connectionInfoOf(connection, (current ?? row).mode === 'ro');
  await changeAttachment(db, row.id, { connection_json: JSON.stringify(info) });
  return (
    (await findAttachment(db, row.id, null)) ??
    fault('notFound', `Volume attachment ${row.id} could not be found.`)
  );
}

/**
 * Asks cinder-volume how a host connects to the volume. timeout: the storage backend does not
 * answer, or cinder-volume does not.
 */
async function connectionOf(
  { volume }: HandlerDeps,
  volumeId: string,
  requestId: string,
): Promise<Outcome<VolumeConnection>> {
  const connection = await volume.call(
    'connection',
    { volumeId },
    { timeoutMs: connectionTimeoutMs, requestId },
  );
  return isFault(connection) && connection.kind === 'timeout'
    ? fault('timeout', 'The storage backend does not answer.')
    : connection;
}

/**
 * Marks the attachment as attached and the volume in-use. A shelved server has no host, so its
 * attachment goes there from `reserved`, without a connector. Safe to repeat.
 */
export async function complete(deps: HandlerDeps, row: AttachmentRow): Promise<Outcome<undefined>> {
  const { db } = deps.database;
  const { clock } = deps;
  return await transaction(db, async (trx): Promise<Outcome<undefined>> => {
    await lockVolume(trx, row.volume_id);
    const current = await findAttachment(trx, row.id, null);
    if (!current)
      return fault(
        'notFound',
        `Volume attachment could not be found with filter: attachment_id = ${row.id}.`,
      );
    if (current.status === 'attached') return undefined;
    if (current.status !== 'attaching' && current.status !== 'reserved')
      return fault(
        'badRequest',
        `Invalid volume attachment: ${row.id} is ${current.status}, not attaching.`,
      );
    await changeAttachment(trx, row.id, { status: 'attached', attached_at_ms: clock.now() });
    await changeVolumeIn(
      trx,
      row.volume_id,
      ['attaching', 'reserved', 'in-use'],
      { status: 'in-use' },
      clock.now(),
    );
    return undefined;
  });
}

/**
 * Whether the caller may release the attachment. Nova always may, others only if Nova does not have
 * this attachment. conflict: a guest may still be writing the volume, and writes of the next server
 * would corrupt it. https://nvd.nist.gov/vuln/detail/CVE-2023-2088
 */
export async function mayRelease(
  deps: HandlerDeps,
  request: Request,
  row: AttachmentRow,
): Promise<Outcome<undefined>> {
  if (row.server_id === null || !isConnected(row) || request.auth.roles.includes('service'))
    return undefined;
  const attachmentId = await attachmentOfServer(deps, row.server_id, row.volume_id, request.id);
  if (isFault(attachmentId)) return attachmentId;
  return attachmentId === '' || attachmentId === row.id ? inUseByNova() : undefined;
}

const inUseByNova = (): Fault =>
  fault('conflict', 'Detach volume from instance using the Compute API');

/**
 * Deletes the attachment. Waits until the volume is free again, since callers often delete it next;
 * after `waitForSagaMs` it returns while the saga continues. Safe to repeat. `row`: the attachment
 * as `mayRelease` judged it. `from`: volume statuses from which it becomes free; a forced release
 * adds error. conflict: Nova has connected the attachment since `mayRelease`.
 */
export async function release(
  deps: HandlerDeps,
  request: Request,
  row: AttachmentRow,
  from = attachedStatuses,
): Promise<Outcome<void>> {
  const { db } = deps.database;
  const { clock } = deps;
  const waits = await transaction(db, async (trx) => {
    await lockVolume(trx, row.volume_id);
    const volume = await findVolume(trx, row.volume_id, null);
    const current = await findAttachment(trx, row.id, null);
    if (!volume || !current) return false;
    if (isConnected(current) && !isConnected(row) && !request.auth.roles.includes('service'))
      return inUseByNova();
    await deleteAttachment(trx, row.id);
    const left = await attachmentsOf(trx, row.volume_id);
    if (left.some(isConnected)) {
      await changeVolumeIn(trx, row.volume_id, ['detaching'], { status: 'in-use' }, clock.now());
      return false;
    }
    if (!isConnected(current)) {
      if (left.length === 0)
        await changeVolumeIn(trx, row.volume_id, from, { status: 'available' }, clock.now());
      return false;
    }
    // No host is connected any more. If an attachment is still reserved, the saga sees that.
    await changeVolumeIn(trx, row.volume_id, from, { status: 'detaching' }, clock.now());
    await enqueueOperation(deps, trx, request.id, {
      name: 'cinder.release-volume',
      lockKey: volumeLock(row.volume_id),
      input: { volumeId: row.volume_id },
    });
    return true;
  });
  if (isFault(waits) || !waits) return isFault(waits) ? waits : undefined;
  await deps.wakeVolume(request.id);
  const lockKey = volumeLock(row.volume_id);
  await deps.sagas.watch(
    lockKey,
    async () => ((await deps.sagas.isBusy(db, lockKey)) ? undefined : true),
    waitForSagaMs,
  );
}

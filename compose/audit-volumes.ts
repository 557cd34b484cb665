// Part of the audit: compares Nova's volumes, Cinder's attachments, the disks of guests, and the
// storage backends. Pure; audit.ts gathers the data.
import type { CinderAudit } from '#contracts/cinder/audit.ts';
import type { NovaAudit } from '#contracts/nova/audit.ts';
import type { Difference } from './audit-difference.ts';

export interface ObservedVolumes {
  nova: NovaAudit;
  cinder: CinderAudit;
  /**
   * Volume ids of each guest's disks, by server id; a guest whose host did not answer is missing.
   */
  guests: ReadonlyMap<string, readonly string[]>;
}

/** Volume states in which no operation is in progress. */
const restful: ReadonlySet<string> = new Set([
  'available',
  'in-use',
  'error',
  'error_deleting',
  'error_extending',
  'error_restoring',
]);

/**
 * The differences. Servers and volumes in transition are skipped: their sagas may have changed one
 * side only so far.
 */
export function compareVolumes({ nova, cinder, guests }: ObservedVolumes): Difference[] {
  const servers = new Map(nova.servers.map((server) => [server.id, server]));
  const statusOf = new Map(cinder.volumes.map(({ id, status }) => [id, status]));
  const atRest = (serverId: string, volumeId: string): boolean =>
    (servers.get(serverId)?.taskState ?? null) === null &&
    restful.has(statusOf.get(volumeId) ?? 'error');
  const has = (serverId: string, volumeId: string): boolean =>
    nova.volumes.some((volume) => volume.serverId === serverId && volume.volumeId === volumeId);
  const attachments = new Map(cinder.attachments.map((attachment) => [attachment.id, attachment]));

  const unattached = nova.volumes
    .filter(({ serverId, volumeId, connected }) => connected && atRest(serverId, volumeId))
    .flatMap(({ serverId, volumeId, attachmentId }): Difference[] => {
      const attachment = attachments.get(attachmentId ?? '');
      if (
        attachment?.volumeId === volumeId &&
        attachment.serverId === serverId &&
        statusOf.get(volumeId) === 'in-use'
      )
        return [];
      return [
        {
          what: 'volume of a server without an attachment',
          detail: `server ${serverId} has volume ${volumeId}, which is ${statusOf.get(volumeId) ?? 'not known to Cinder'}${attachment ? '' : ' and has no such attachment'}`,
        },
      ];
    });
  const leftOver = cinder.attachments.flatMap(({ id, volumeId, serverId }): Difference[] => {
    if (serverId === null || !atRest(serverId, volumeId) || has(serverId, volumeId)) return [];
    return [
      {
        what: 'attachment without a server',
        detail: `attachment ${id} of volume ${volumeId} names ${serverId}, which ${servers.has(serverId) ? 'does not have it' : 'is no server'}`,
      },
    ];
  });
  const idle = cinder.volumes
    .filter(
      ({ id, status }) =>
        status === 'in-use' && !cinder.attachments.some(({ volumeId }) => volumeId === id),
    )
    .map(({ id }) => ({
      what: 'volume in use by nobody',
      detail: `volume ${id} is in-use and has no attachment`,
    }));
  const disks = [...guests]
    .filter(([id]) => servers.get(id)?.taskState === null)
    .flatMap(([serverId, found]): Difference[] => {
      const wanted = nova.volumes
        .filter(
          (volume) =>
            volume.serverId === serverId && volume.connected && atRest(serverId, volume.volumeId),
        )
        .map(({ volumeId }) => volumeId);
      const own = found.filter((volumeId) => atRest(serverId, volumeId));
      return wanted.toSorted().join() === own.toSorted().join()
        ? []
        : [
            {
              what: 'disks differ',
              detail: `server ${serverId} has volumes ${wanted.join(', ') || 'none'}, its guest ${own.join(', ') || 'none'}`,
            },
          ];
    });
  return [...unattached, ...leftOver, ...idle, ...disks, ...stores(cinder)];
}

function stores({ stuck, backends, backups }: CinderAudit): Difference[] {
  const differences: Difference[] = stuck.map(({ kind, id, status }) => ({
    what: 'stuck volume',
    detail: `${kind} ${id} is ${status}, but nothing works on it`,
  }));
  for (const [name, backend] of Object.entries(backends)) {
    if (typeof backend === 'string') continue; // the backend did not answer
    differences.push(
      ...backend.missing.map((id) => ({
        what: 'volume without data',
        detail: `backend ${name} has nothing of ${id}`,
      })),
    );
    differences.push(
      ...backend.unknown.map((id) => ({
        what: 'data without a volume',
        detail: `backend ${name} keeps ${id}, which is no volume`,
      })),
    );
    differences.push(
      ...backend.strays.map((file) => ({
        what: 'stray file',
        detail: `backend ${name} keeps ${file}, which belongs to no volume`,
      })),
    );
  }
  if (typeof backups !== 'string')
    for (const kind of ['missing', 'unknown'] as const)
      differences.push(
        ...backups[kind].map((id) => ({
          what: 'backup differs',
          detail: `backup ${id} is ${kind === 'missing' ? 'without its data' : 'in the store alone'}`,
        })),
      );
  return differences;
}

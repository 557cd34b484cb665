// Client for Cinder's API, for other services: with a user's identity for what that user may see,
// with the service's own for attachments.
import type { CinderAttachment, CinderSnapshot, CinderVolume } from '#contracts/cinder/wire.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { Ask, Caller, ClientDeps } from './call.ts';
import { askService, documentOf } from './call.ts';

/** A volume or snapshot, reduced to the fields that are compared when listing by metadata. */
interface Labelled {
  id: string;
  status: string;
  metadata?: Record<string, string>;
}

/**
 * Calls to Cinder. Faults of every call: unavailable, timeout; and Cinder's refusal as badRequest,
 * forbidden, notFound, conflict or overQuota with its message.
 */
export interface Cinder {
  volume(id: string): Promise<Outcome<CinderVolume>>;
  snapshot(id: string): Promise<Outcome<CinderSnapshot>>;
  createVolume(volume: JsonObject): Promise<Outcome<CinderVolume>>;
  /** Deletes the volume. Succeeds if it does not exist. */
  deleteVolume(id: string): Promise<Outcome<void>>;
  createSnapshot(snapshot: JsonObject): Promise<Outcome<CinderSnapshot>>;
  deleteSnapshot(id: string): Promise<Outcome<void>>;
  /** Snapshots of the volume in all projects. */
  snapshotsOf(volumeId: string): Promise<Outcome<Labelled[]>>;
  /** Objects of all projects that have all of this metadata. */
  withMetadata(
    kind: 'volumes' | 'snapshots',
    metadata: Readonly<Record<string, string>>,
  ): Promise<Outcome<{ id: string; status: string }[]>>;
  /** The server's attachments in all projects. */
  attachments(serverId: string): Promise<Outcome<CinderAttachment[]>>;
  /**
   * Creates an attachment that reserves the volume for the server. badRequest: it is not available.
   */
  reserve(volumeId: string, serverId: string): Promise<Outcome<CinderAttachment>>;
  /**
   * Tells Cinder the host's connector; the returned attachment says how that host reaches the
   * volume.
   */
  connect(attachmentId: string, connector: JsonObject): Promise<Outcome<CinderAttachment>>;
  complete(attachmentId: string): Promise<Outcome<void>>;
  /** Releases the volume. Succeeds if the attachment does not exist. */
  deleteAttachment(id: string): Promise<Outcome<void>>;
  /** Runs a volume action, e.g. `os-begin_detaching` or `os-roll_detaching`. */
  act(volumeId: string, action: string): Promise<Outcome<void>>;
  /** Reports to Cinder the result of an online snapshot. */
  tellSnapshot(snapshotId: string, status: 'creating' | 'error'): Promise<Outcome<void>>;
}

// Long, since releasing a volume may have to merge snapshots on the share.
const timeoutMs = 90_000;
// Attachments can be completed since 3.44; 3.59 has everything else that is used.
const microversion = 'volume 3.59';

/** Makes calls to paths below /v3. Faults as for `Cinder`. */
export const askCinder = (deps: ClientDeps, caller: Caller): Ask =>
  askService(deps, caller, {
    service: 'volume',
    root: '/v3/',
    timeoutMs,
    headers: { 'openstack-api-version': microversion },
    refusal,
  });

export function cinderClient(deps: ClientDeps, caller: Caller): Cinder {
  const ask = askCinder(deps, caller);
  const withoutBody = async (call: Promise<Outcome<Json | undefined>>): Promise<Outcome<void>> => {
    const answer = await call;
    return isFault(answer) ? answer : undefined;
  };
  const ignoringMissing = async (
    call: Promise<Outcome<Json | undefined>>,
  ): Promise<Outcome<void>> => {
    const answer = await call;
    return isFault(answer) && answer.kind !== 'notFound' ? answer : undefined;
  };
  const one = encodeURIComponent;

  return {
    volume: async (id) => await documentOf('volume', ask('GET', `volumes/${one(id)}`)),
    snapshot: async (id) => await documentOf('snapshot', ask('GET', `snapshots/${one(id)}`)),
    createVolume: async (volume) => await documentOf('volume', ask('POST', 'volumes', { volume })),
    deleteVolume: async (id) => await ignoringMissing(ask('DELETE', `volumes/${one(id)}`)),
    createSnapshot: async (snapshot) =>
      await documentOf('snapshot', ask('POST', 'snapshots', { snapshot })),
    deleteSnapshot: async (id) => await ignoringMissing(ask('DELETE', `snapshots/${one(id)}`)),
    snapshotsOf: async (volumeId) => {
      const snapshots = await documentOf<CinderSnapshot[]>(
        'snapshots',
        ask('GET', `snapshots/detail?all_tenants=1&volume_id=${one(volumeId)}`),
      );
      return isFault(snapshots)
        ? snapshots
        : snapshots.filter((each) => each.volume_id === volumeId);
    },
    withMetadata: async (kind, metadata) => {
      const types = await documentOf<Labelled[]>(
        kind,
        ask('GET', `${kind}/detail?all_tenants=1&metadata=${one(JSON.stringify(metadata))}`),
      );
      // Filtered again here: a Cinder that does not support the filter returns everything.
      return isFault(types)
        ? types
        : types.filter((each) =>
            Object.entries(metadata).every(([key, value]) => each.metadata?.[key] === value),
          );
    },
    attachments: async (serverId) =>
      await documentOf(
        'attachments',
        ask('GET', `attachments?all_tenants=1&instance_id=${one(serverId)}`),
      ),
    reserve: async (volumeId, serverId) =>
      await documentOf(
        'attachment',
        ask('POST', 'attachments', {
          attachment: { volume_uuid: volumeId, instance_uuid: serverId },
        }),
      ),
    connect: async (id, connector) =>
      await documentOf(
        'attachment',
        ask('PUT', `attachments/${one(id)}`, { attachment: { connector } }),
      ),
    complete: async (id) =>
      await withoutBody(ask('POST', `attachments/${one(id)}/action`, { 'os-complete': {} })),
    deleteAttachment: async (id) => await ignoringMissing(ask('DELETE', `attachments/${one(id)}`)),
    act: async (id, action) =>
      await withoutBody(ask('POST', `volumes/${one(id)}/action`, { [action]: {} })),
    tellSnapshot: async (id, status) =>
      await withoutBody(
        ask('POST', `snapshots/${one(id)}/action`, {
          'os-update_snapshot_status': { status, progress: '90%' },
        }),
      ),
  };
}

const kinds = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'notFound',
  409: 'conflict',
  413: 'overQuota',
} as const;

function refusal(status: number, body: Json | undefined) {
  const [error] = Object.values((body ?? {}) as Record<string, { message?: string }>);
  const message = error?.message ?? `Cinder answered ${status}.`;
  return fault(kinds[status as keyof typeof kinds] ?? 'unavailable', message);
}

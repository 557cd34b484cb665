// Cinder's API as other services use it: in a user's name for what the user may see, in their own
// for the life of an attachment.
import type { CinderAttachment, CinderSnapshot, CinderVolume } from '#contracts/cinder/wire.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { Ask, Caller, ClientDeps } from './call.ts';
import { askService, documentOf } from './call.ts';

/** A volume or snapshot, as far as lists by metadata are read. */
interface Labelled {
  id: string;
  status: string;
  metadata?: Record<string, string>;
}

/**
 * Faults of all: unavailable, timeout; and Cinder's own refusal as badRequest, forbidden, notFound,
 * conflict or overQuota with its words.
 */
export interface Cinder {
  volume(id: string): Promise<Outcome<CinderVolume>>;
  snapshot(id: string): Promise<Outcome<CinderSnapshot>>;
  createVolume(volume: JsonObject): Promise<Outcome<CinderVolume>>;
  /** Gone already is fine. */
  deleteVolume(id: string): Promise<Outcome<void>>;
  createSnapshot(snapshot: JsonObject): Promise<Outcome<CinderSnapshot>>;
  deleteSnapshot(id: string): Promise<Outcome<void>>;
  /** Of every project. */
  snapshotsOf(volumeId: string): Promise<Outcome<Labelled[]>>;
  /** Of every project, with all of this metadata. */
  withMetadata(
    kind: 'volumes' | 'snapshots',
    metadata: Readonly<Record<string, string>>,
  ): Promise<Outcome<{ id: string; status: string }[]>>;
  /** Those of a server, of every project. */
  attachments(serverId: string): Promise<Outcome<CinderAttachment[]>>;
  /** Reserves the volume for the server. badRequest: it is not free. */
  reserve(volumeId: string, serverId: string): Promise<Outcome<CinderAttachment>>;
  /** The host is known: answers how it reaches the volume. */
  connect(attachmentId: string, connector: JsonObject): Promise<Outcome<CinderAttachment>>;
  complete(attachmentId: string): Promise<Outcome<void>>;
  /** Gives the volume back. Gone already is fine. */
  deleteAttachment(id: string): Promise<Outcome<void>>;
  /** `os-begin_detaching`, `os-roll_detaching`. */
  act(volumeId: string, action: string): Promise<Outcome<void>>;
  /** How a snapshot under a running guest went. */
  tellSnapshot(snapshotId: string, status: 'creating' | 'error'): Promise<Outcome<void>>;
}

// Answers to a release may take as long as the share needs to merge what waited.
const timeoutMs = 90_000;
// Attachments are completed since 3.44; more is not needed.
const microversion = 'volume 3.59';

/** Paths below /v3. Faults as of `Cinder`. */
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
  const done = async (asked: Promise<Outcome<Json | undefined>>): Promise<Outcome<void>> => {
    const answer = await asked;
    return isFault(answer) ? answer : undefined;
  };
  const gone = async (asked: Promise<Outcome<Json | undefined>>): Promise<Outcome<void>> => {
    const answer = await asked;
    return isFault(answer) && answer.kind !== 'notFound' ? answer : undefined;
  };
  const one = encodeURIComponent;

  return {
    volume: async (id) => await documentOf('volume', ask('GET', `volumes/${one(id)}`)),
    snapshot: async (id) => await documentOf('snapshot', ask('GET', `snapshots/${one(id)}`)),
    createVolume: async (volume) => await documentOf('volume', ask('POST', 'volumes', { volume })),
    deleteVolume: async (id) => await gone(ask('DELETE', `volumes/${one(id)}`)),
    createSnapshot: async (snapshot) =>
      await documentOf('snapshot', ask('POST', 'snapshots', { snapshot })),
    deleteSnapshot: async (id) => await gone(ask('DELETE', `snapshots/${one(id)}`)),
    snapshotsOf: async (volumeId) => {
      const found = await documentOf<CinderSnapshot[]>(
        'snapshots',
        ask('GET', `snapshots/detail?all_tenants=1&volume_id=${one(volumeId)}`),
      );
      return isFault(found) ? found : found.filter((each) => each.volume_id === volumeId);
    },
    withMetadata: async (kind, metadata) => {
      const found = await documentOf<Labelled[]>(
        kind,
        ask('GET', `${kind}/detail?all_tenants=1&metadata=${one(JSON.stringify(metadata))}`),
      );
      // A Cinder that does not know the filter answers with everything.
      return isFault(found)
        ? found
        : found.filter((each) =>
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
      await done(ask('POST', `attachments/${one(id)}/action`, { 'os-complete': {} })),
    deleteAttachment: async (id) => await gone(ask('DELETE', `attachments/${one(id)}`)),
    act: async (id, action) =>
      await done(ask('POST', `volumes/${one(id)}/action`, { [action]: {} })),
    tellSnapshot: async (id, status) =>
      await done(
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

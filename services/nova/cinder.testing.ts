// A double of Cinder for Nova's tests, at the HTTP boundary: it answers the calls that Nova makes
// from records in memory. The tests in test/sim run the real Cinder.
import { randomUUID } from 'node:crypto';
import type { CinderAttachment, CinderSnapshot, CinderVolume } from '#contracts/cinder/wire.ts';
import { asJson } from '#contracts/common/json.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { CannedAnswer } from '#openstack/http/canned-http-client.testing.ts';
import type { HttpCall } from '#openstack/http/client.ts';

export interface CinderDouble {
  volumes: CinderVolume[];
  snapshots: CinderSnapshot[];
  /** Further snapshots are refused with the quota fault. */
  maxSnapshots: number;
  /** The n-th volume created from now on is created, but its answer is lost on the way. */
  loses: number;
  attachments: CinderAttachment[];
  /** The status that Nova reported for each assisted snapshot, by snapshot id. */
  reportedStatuses: Map<string, string>;
  /** If true, every call fails as unavailable. */
  away: boolean;
  /** New volumes stay in `creating` or end in `error`; null: they are available at once. */
  stuck: 'creating' | 'error' | null;
  addVolume(volume?: Partial<CinderVolume>): CinderVolume;
  /** If set, requests to create volumes are answered only when this promise resolves. */
  hold: Promise<void> | null;
  answer(call: HttpCall): CannedAnswer | Promise<CannedAnswer>;
}

const refuse = (status: number, name: string, message: string) => ({
  status,
  body: { [name]: { code: status, message } },
});
const notFound = (what: string) => refuse(404, 'itemNotFound', `${what} could not be found.`);

export function cinderDouble(): CinderDouble {
  const double: CinderDouble = {
    volumes: [],
    snapshots: [],
    attachments: [],
    reportedStatuses: new Map(),
    maxSnapshots: Infinity,
    loses: 0,
    hold: null,
    away: false,
    stuck: null,
    addVolume(volume) {
      const volumeDocument: CinderVolume = {
        id: randomUUID(),
        name: '',
        status: 'available',
        size: 1,
        bootable: 'false',
        multiattach: false,
        availability_zone: 'nova',
        volume_type: null,
        'os-vol-tenant-attr:tenant_id': 'project-a',
        attachments: [],
        ...volume,
      };
      double.volumes.push(volumeDocument);
      return volumeDocument;
    },
    answer(call) {
      if (double.away) return 'silent';
      const { pathname, searchParams } = new URL(`http://cinder${call.path}`);
      const [, , collection = '', id = '', action] = pathname.split('/');
      switch (collection) {
        case 'volumes':
          return action ? act(id, call.body as JsonObject) : volumes(call, id);
        case 'snapshots':
          return snapshots(call, id, action);
        case 'attachments':
          return attachments(call, id, action, searchParams.get('instance_id'));
        default:
          return notFound(pathname);
      }
    },
  };
  const volumeOf = (id: string) => double.volumes.find((volume) => volume.id === id);

  function volumes(call: HttpCall, id: string) {
    if (call.method === 'POST') {
      const input = (
        call.body as {
          volume: {
            size?: number;
            imageRef?: string;
            snapshot_id?: string;
            metadata?: Record<string, string>;
          };
        }
      ).volume;
      if (input.size !== undefined && input.size > 1000)
        return refuse(413, 'overLimit', 'VolumeSizeExceedsAvailableQuota');
      const response = {
        status: 202,
        body: {
          volume: asJson(
            double.addVolume({
              size: input.size ?? 1,
              status: double.stuck ?? 'available',
              bootable: String(input.imageRef !== undefined),
              metadata: input.metadata ?? {},
            }),
          ),
        },
      };
      if (double.loses > 0 && --double.loses === 0) return 'silent';
      return double.hold ? double.hold.then(() => response) : response;
    }
    if (id === 'detail') return { status: 200, body: { volumes: asJson(double.volumes) } };
    const volume = volumeOf(id);
    if (!volume) return notFound(`Volume ${id}`);
    if (call.method !== 'DELETE') return { status: 200, body: { volume: asJson(volume) } };
    if (!['available', 'error'].includes(volume.status))
      return refuse(
        400,
        'badRequest',
        `Invalid volume: status must be available, is ${volume.status}`,
      );
    if (double.snapshots.some((each) => each.volume_id === id))
      return refuse(400, 'badRequest', 'Invalid volume: it has snapshots');
    double.volumes.splice(double.volumes.indexOf(volume), 1);
    return { status: 202 };
  }

  function act(id: string, body: JsonObject) {
    const volume = volumeOf(id);
    const [from, to] =
      'os-begin_detaching' in body ? ['in-use', 'detaching'] : ['detaching', 'in-use'];
    if (!volume) return notFound(`Volume ${id}`);
    if (volume.status !== from)
      return refuse(400, 'badRequest', `Invalid volume: ${volume.status}`);
    volume.status = to;
    return { status: 202 };
  }

  function snapshots(call: HttpCall, id: string, action: string | undefined) {
    if (action) {
      double.reportedStatuses.set(
        id,
        (call.body as { 'os-update_snapshot_status': { status: string } })[
          'os-update_snapshot_status'
        ].status,
      );
      return { status: 202 };
    }
    if (call.method === 'POST') {
      const { volume_id, metadata = {} } = (
        call.body as { snapshot: { volume_id: string; metadata?: Record<string, string> } }
      ).snapshot;
      if (double.snapshots.length >= double.maxSnapshots)
        return refuse(413, 'overLimit', 'SnapshotLimitExceeded');
      const snapshotDocument: CinderSnapshot = {
        metadata,
        id: randomUUID(),
        volume_id,
        status: 'available',
        size: volumeOf(volume_id)?.size ?? 1,
      };
      double.snapshots.push(snapshotDocument);
      return { status: 202, body: { snapshot: asJson(snapshotDocument) } };
    }
    if (id === 'detail') return { status: 200, body: { snapshots: asJson(double.snapshots) } };
    const snapshot = double.snapshots.find((each) => each.id === id);
    if (snapshot && call.method === 'DELETE') {
      double.snapshots.splice(double.snapshots.indexOf(snapshot), 1);
      return { status: 202 };
    }
    return snapshot
      ? { status: 200, body: { snapshot: asJson(snapshot) } }
      : notFound(`Snapshot ${id}`);
  }

  function attachments(
    call: HttpCall,
    id: string,
    action: string | undefined,
    serverId: string | null,
  ) {
    if (id === '' && call.method === 'GET')
      return {
        status: 200,
        body: {
          attachments: asJson(double.attachments.filter(({ instance }) => instance === serverId)),
        },
      };
    if (id === '') {
      const { volume_uuid, instance_uuid } = (
        call.body as { attachment: { volume_uuid: string; instance_uuid: string } }
      ).attachment;
      const volume = volumeOf(volume_uuid);
      // A server that has the volume may reserve it a second time, to move it to another host or to
      // be shelved.
      const others = double.attachments.filter(({ volume_id }) => volume_id === volume_uuid);
      const isOwn =
        ['in-use', 'attaching'].includes(volume?.status ?? '') &&
        others.every(({ instance }) => instance === instance_uuid);
      if (!volume || (volume.status !== 'available' && !isOwn))
        return refuse(
          400,
          'badRequest',
          `Invalid volume: ${volume_uuid} is ${volume?.status ?? 'gone'}.`,
        );
      if (!isOwn) volume.status = 'reserved';
      const attachmentDocument: CinderAttachment = {
        id: randomUUID(),
        status: 'reserved',
        instance: instance_uuid,
        volume_id: volume_uuid,
      };
      double.attachments.push(attachmentDocument);
      return { status: 200, body: { attachment: asJson(attachmentDocument) } };
    }
    const attachment = double.attachments.find((each) => each.id === id);
    const volume = attachment && volumeOf(attachment.volume_id);
    if (!attachment || !volume) return notFound(`Attachment ${id}`);
    if (call.method === 'DELETE') {
      double.attachments.splice(double.attachments.indexOf(attachment), 1);
      const remaining = double.attachments.filter(({ volume_id }) => volume_id === volume.id);
      volume.status =
        remaining.length === 0
          ? 'available'
          : remaining.some(({ status }) => status === 'attached')
            ? 'in-use'
            : 'reserved';
      return { status: 200, body: { attachments: [] } };
    }
    if (action) {
      volume.status = 'in-use';
      attachment.status = 'attached';
      return { status: 204 };
    }
    volume.status = 'attaching';
    Object.assign(attachment, {
      status: 'attaching',
      connection_info: {
        driver_volume_type: 'nfs',
        export: '10.0.0.9:/vol',
        name: `volume-${volume.id}`,
        format: 'qcow2',
      },
    });
    return { status: 200, body: { attachment: asJson(attachment) } };
  }
  return double;
}

// Nova's deprecated proxy API for volumes and snapshots, up to microversion 2.35: passed on to
// Cinder with the caller's token.
// https://docs.openstack.org/api-ref/compute/#volume-extension-os-volumes-os-snapshots-deprecated
import Type from 'typebox';
import type { Static } from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { documentOf } from '#openstack/clients/call.ts';
import { askCinder } from '#openstack/clients/cinder.ts';
import { booleanOf, booleanSchema } from '#openstack/http/lenient-values.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { numberSchema } from './field-schemas.ts';
import { callerOf } from './request.ts';

const until = 35;
const faults = ['notFound', 'conflict', 'overQuota'] as const;
const text = Type.Optional(Type.Union([Type.String(), Type.Null()]));
const common = { display_name: text, display_description: text };
const volumeBody = Type.Object({
  volume: Type.Object(
    {
      size: numberSchema(1),
      metadata: Type.Optional(Type.Record(Type.String(), Type.String())),
      volume_type: text,
      snapshot_id: text,
      availability_zone: text,
      ...common,
    },
    { additionalProperties: true },
  ),
});
const snapshotBody = Type.Object({
  snapshot: Type.Object(
    { volume_id: Type.String(), force: Type.Optional(booleanSchema), ...common },
    { additionalProperties: true },
  ),
});

interface CinderDocument extends JsonObject {
  id: string;
  name: string | null;
  description: string | null;
  status: string;
  size: number;
  created_at: string;
}
interface VolumeDocument extends CinderDocument {
  volume_type: string | null;
  snapshot_id: string | null;
  availability_zone: string;
  metadata: JsonObject;
  attachments: { server_id: string; device: string }[];
}
interface SnapshotDocument extends CinderDocument {
  volume_id: string;
}

const shared = ({
  id,
  status,
  size,
  name,
  description,
  created_at,
}: CinderDocument): JsonObject => ({
  id,
  status,
  size,
  displayName: name,
  displayDescription: description,
  createdAt: created_at,
});
const snapshotView = (snapshot: SnapshotDocument): JsonObject => ({
  ...shared(snapshot),
  volumeId: snapshot.volume_id,
});
const volumeView = (volume: VolumeDocument): JsonObject => ({
  ...shared(volume),
  availabilityZone: volume.availability_zone,
  volumeType: volume.volume_type,
  snapshotId: volume.snapshot_id,
  metadata: volume.metadata,
  // A volume without attachments shows one empty object: api-ref, "Show Volume Details".
  attachments:
    volume.attachments.length === 0
      ? [{}]
      : volume.attachments.map(({ server_id: serverId, device }) => ({
          id: volume.id,
          volumeId: volume.id,
          serverId,
          device,
        })),
});

export function cinderRoutes(deps: NovaDeps): readonly Route[] {
  const askFor = (request: ApiRequest<unknown>) => askCinder(deps, callerOf(request));

  /** Routes that volumes and snapshots have in common: list, show, delete. */
  function readAndDelete<T extends CinderDocument>(
    name: 'volume' | 'snapshot',
    view: (document: T) => JsonObject,
  ): Route[] {
    const path = `/v2.1/os-${name}s`;
    const policy = (what: string): string =>
      `os_compute_api:os-volumes:${name === 'volume' ? '' : 'snapshots:'}${what}`;
    const list = async (request: ApiRequest<unknown>): Promise<Outcome<Reply>> => {
      // With a trailing slash the request asks for the volume with an empty id: 404. tempest,
      // test_get_volume_without_passing_volume_id
      if (request.path.endsWith('/')) return fault('notFound', `The ${name} could not be found.`);
      const documents = await documentOf<T[]>(
        `${name}s`,
        askFor(request)('GET', `${name}s/detail?${paging(request).toString()}`),
      );
      return isFault(documents)
        ? documents
        : { status: 200, body: { [`${name}s`]: documents.map(view) } };
    };
    const one = (request: ApiRequest<unknown>): string =>
      `${name}s/${encodeURIComponent(request.params['id'] ?? '')}`;
    return [
      route('GET', path, { policy: policy('list'), until, faults, handler: list }),
      route('GET', `${path}/detail`, {
        policy: policy('detail'),
        until,
        faults,
        handler: list,
      }),
      route('GET', `${path}/:id`, {
        policy: policy('show'),
        until,
        faults,
        handler: async (request) => {
          const document = await documentOf<T>(name, askFor(request)('GET', one(request)));
          return isFault(document) ? document : { status: 200, body: { [name]: view(document) } };
        },
      }),
      route('DELETE', `${path}/:id`, {
        policy: policy('delete'),
        until,
        faults,
        handler: async (request) => {
          const deletion = await askFor(request)('DELETE', one(request));
          return isFault(deletion) ? deletion : { status: 202 };
        },
      }),
    ];
  }

  return [
    ...readAndDelete<VolumeDocument>('volume', volumeView),
    ...readAndDelete<SnapshotDocument>('snapshot', snapshotView),
    route<Static<typeof volumeBody>>('POST', '/v2.1/os-volumes', {
      policy: 'os_compute_api:os-volumes:create',
      until,
      body: volumeBody,
      faults,
      handler: async (request) => {
        const {
          size,
          metadata = {},
          volume_type = null,
          snapshot_id = null,
          availability_zone = null,
          display_name = null,
          display_description = null,
        } = request.body.volume;
        const volume = {
          size: Number(size),
          metadata,
          volume_type,
          snapshot_id,
          availability_zone,
          name: display_name,
          description: display_description,
        };
        const created = await documentOf<VolumeDocument>(
          'volume',
          askFor(request)('POST', 'volumes', { volume }),
        );
        return isFault(created) ? created : { status: 200, body: { volume: volumeView(created) } };
      },
    }),
    route<Static<typeof snapshotBody>>('POST', '/v2.1/os-snapshots', {
      policy: 'os_compute_api:os-volumes:snapshots:create',
      until,
      body: snapshotBody,
      faults,
      handler: async (request) => {
        const {
          volume_id,
          force = false,
          display_name = null,
          display_description = null,
        } = request.body.snapshot;
        const snapshot = {
          volume_id,
          force: booleanOf(String(force)) ?? false,
          name: display_name,
          description: display_description,
        };
        const created = await documentOf<SnapshotDocument>(
          'snapshot',
          askFor(request)('POST', 'snapshots', { snapshot }),
        );
        return isFault(created)
          ? created
          : { status: 200, body: { snapshot: snapshotView(created) } };
      },
    }),
  ];
}

/** Passes on `limit` and `offset`, which have the same names in Cinder. */
function paging({ query }: ApiRequest<unknown>): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const name of ['limit', 'offset'])
    for (const value of query[name] ?? []) parameters.set(name, value);
  return parameters;
}

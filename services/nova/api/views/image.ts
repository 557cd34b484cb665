// The JSON of a Glance image in Nova's deprecated image API.
// https://docs.openstack.org/api-ref/compute/#show-image-details
import type { JsonObject } from '#contracts/common/json.ts';
import type { GlanceImage } from '#contracts/glance/wire.ts';
import { propertiesOf } from '#contracts/glance/wire.ts';

/**
 * Image status of Nova's API for each Glance status; any other Glance status is shown as UNKNOWN.
 */
const states: Readonly<Record<string, { status: string; progress: number }>> = {
  queued: { status: 'SAVING', progress: 25 },
  saving: { status: 'SAVING', progress: 50 },
  uploading: { status: 'SAVING', progress: 50 },
  importing: { status: 'SAVING', progress: 50 },
  active: { status: 'ACTIVE', progress: 100 },
  deleted: { status: 'DELETED', progress: 0 },
  pending_delete: { status: 'DELETED', progress: 0 },
  killed: { status: 'ERROR', progress: 0 },
};

/**
 * The Glance statuses that Nova shows as `status`. For an unknown `status` the word itself, with
 * which Glance finds no image.
 */
export function glanceStates(status: string): string[] {
  const matching = Object.entries(states).flatMap(([name, state]) =>
    state.status === status ? [name] : [],
  );
  return matching.length === 0 ? [status] : matching;
}

export function imageSummary({ id, name }: GlanceImage, baseUrl: string): JsonObject {
  const glance = baseUrl.replace(/\/compute$/, '/image');
  return {
    id,
    name,
    links: [
      ...linksTo('images', id, baseUrl),
      {
        rel: 'alternate',
        type: 'application/vnd.openstack.image',
        href: `${glance}/v2/images/${id}`,
      },
    ],
  };
}

export function imageView(image: GlanceImage, baseUrl: string): JsonObject {
  const metadata = propertiesOf(image);
  const server = metadata['instance_uuid'];
  return {
    ...imageSummary(image, baseUrl),
    ...(states[image.status] ?? { status: 'UNKNOWN', progress: 0 }),
    metadata,
    created: image.created_at,
    updated: image.updated_at,
    minDisk: image.min_disk,
    minRam: image.min_ram,
    'OS-EXT-IMG-SIZE:size': image.size,
    ...(server === undefined
      ? {}
      : { server: { id: server, links: linksTo('servers', server, baseUrl) } }),
  };
}

const linksTo = (kind: string, id: string, baseUrl: string): JsonObject[] => [
  { rel: 'self', href: `${baseUrl}/v2.1/${kind}/${encodeURIComponent(id)}` },
  { rel: 'bookmark', href: `${baseUrl}/${kind}/${encodeURIComponent(id)}` },
];

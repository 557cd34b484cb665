// A simulated user, by a seed: creates, deletes and acts on servers, several things at a time.
// Requests that the server's state forbids are refused, which is accepted.
import type { Json } from '#contracts/common/json.ts';
import type { Ids } from '#platform/ids.ts';
import { bootVolume } from './boot-volume.ts';
import type { SimCloud } from './sim-cloud.ts';

const actions: readonly ((imageId: string) => Json)[] = [
  () => ({ 'os-start': null }),
  () => ({ 'os-stop': null }),
  () => ({ reboot: { type: 'SOFT' } }),
  () => ({ reboot: { type: 'HARD' } }),
  () => ({ pause: null }),
  () => ({ unpause: null }),
  () => ({ suspend: null }),
  () => ({ resume: null }),
  () => ({ rescue: null }),
  () => ({ unrescue: null }),
  (imageId) => ({ rebuild: { imageRef: imageId } }),
  () => ({ shelve: null }),
  () => ({ shelveOffload: null }),
  () => ({ unshelve: null }),
  () => ({ unshelve: null }),
  () => ({ 'os-migrateLive': { host: null, block_migration: 'auto' } }),
  () => ({ 'os-migrateLive': { host: null, block_migration: 'auto' } }),
  () => ({ resize: { flavorRef: '84' } }),
  () => ({ resize: { flavorRef: '42' } }),
  () => ({ migrate: null }),
  () => ({ confirmResize: null }),
  () => ({ revertResize: null }),
];

const groups = [
  { policy: 'anti-affinity' },
  { policy: 'anti-affinity', rules: { max_server_per_host: 2 } },
  { policy: 'affinity' },
  { policy: 'soft-anti-affinity' },
  { policy: 'soft-affinity' },
];
const maxGroups = 3;
const groupedShare = 0.5;

/** The id of an existing server group, or of a new one; undefined: none could be created. */
async function someGroup(cloud: SimCloud, ids: Pick<Ids, 'random'>): Promise<string | undefined> {
  const existingGroups = await listed<Named>(
    cloud.compute('GET', '/os-server-groups'),
    'server_groups',
  );
  if (existingGroups.length === maxGroups || (existingGroups.length > 0 && ids.random() < 0.5))
    return oneOf(existingGroups, ids)?.id;
  const group = { name: 'group', ...oneOf(groups, ids) };
  const { status, body } = await cloud.compute('POST', '/os-server-groups', {
    server_group: group,
  });
  check('POST /os-server-groups', status, body);
  return (body as { server_group?: Named } | undefined)?.server_group?.id;
}

const maxServers = 10;
/**
 * Accepted statuses. 403: over quota (other users create too). 404: deleted meanwhile. 409: wrong
 * state. 502: from sim-cloud.ts, the process that was asked has ended or was paused.
 */
const expected: ReadonlySet<number> = new Set([200, 202, 204, 403, 404, 409, 502]);

export const oneOf = <T>(list: readonly T[], ids: Pick<Ids, 'random'>): T | undefined =>
  list[Math.floor(ids.random() * list.length)];

interface Named {
  id: string;
}

/** A list from the API. Not validated here: test/api checks what items contain. */
async function listed<T>(call: ReturnType<SimCloud['compute']>, collection: string): Promise<T[]> {
  const { status, body } = await call;
  const items = (body as Record<string, T[]> | undefined)?.[collection];
  if (!items) throw new Error(`a list of ${collection}: ${status} ${JSON.stringify(body)}`);
  return items;
}

/** Does one random thing; throws on an answer that no user should ever get. */
export async function doSomething(cloud: SimCloud, ids: Pick<Ids, 'random'>): Promise<void> {
  const servers = await listed<Named>(cloud.compute('GET', '/servers'), 'servers');
  const server = oneOf(servers, ids);
  const dice = ids.random();
  if (!server || (dice < 0.35 && servers.length < maxServers)) {
    const count = ids.random() < 0.2 ? 3 : 1;
    const group = ids.random() < groupedShare ? await someGroup(cloud, ids) : undefined;
    const answer = await cloud.compute('POST', '/servers', {
      server: {
        name: 'vm',
        flavorRef: '42',
        imageRef: cloud.imageId,
        networks:
          oneOf(
            [
              'none',
              [{ uuid: cloud.networkId }],
              [{ uuid: cloud.networkId }, { uuid: cloud.networkId }],
            ],
            ids,
          ) ?? 'none',
        min_count: 1,
        max_count: count,
      },
      ...(group !== undefined && { 'os:scheduler_hints': { group } }),
    });
    check('POST /servers', answer.status, answer.body);
  } else if (dice < 0.6 || servers.length >= maxServers) {
    const answer = await cloud.compute('DELETE', `/servers/${server.id}`);
    check('DELETE', answer.status, answer.body);
  } else if (dice < 0.68) {
    await changeInterfaces(cloud, server.id, ids);
  } else if (dice < 0.8) {
    await changeVolumes(cloud, server.id, ids);
  } else {
    const action = oneOf(actions, ids)?.(cloud.imageId) ?? {};
    const answer = await cloud.compute('POST', `/servers/${server.id}/action`, action);
    const [requestText, answerText] = [JSON.stringify(action), JSON.stringify(answer.body ?? {})];
    const isRefused =
      (requestText.includes('rescue') && answerText.includes('volume-backed')) ||
      (requestText.includes('resize') && answerText.includes('must change flavor'));
    // These refusals are right for servers that boot from a volume.
    if (!isRefused) check(requestText, answer.status, answer.body);
  }
}

const maxVolumes = 6;

/**
 * Detaches one of the server's volumes, attaches a free one, creates one, or creates a server that
 * boots from one.
 */
async function changeVolumes(cloud: SimCloud, id: string, ids: Pick<Ids, 'random'>): Promise<void> {
  const path = `/servers/${id}/os-volume_attachments`;
  const { volumeAttachments = [] } = (await cloud.compute('GET', path)).body as {
    volumeAttachments?: { volumeId: string }[];
  };
  const volumes = await listed<Named & { status: string; metadata: object }>(
    cloud.volume('GET', '/volumes/detail'),
    'volumes',
  );
  const attached = oneOf(volumeAttachments, ids);
  const free = oneOf(
    volumes.filter(({ status }) => status === 'available'),
    ids,
  );
  const dice = ids.random();
  // 400 and 403: another user was faster, the volume's state has changed, or the server boots from
  // it.
  const mayBe = new Set([400, ...expected]);
  const expectSuccess = async (
    what: string,
    call: ReturnType<SimCloud['compute']>,
  ): Promise<void> => {
    const answer = await call;
    if (!mayBe.has(answer.status)) check(what, answer.status, answer.body);
  };
  if (attached && dice < 0.4)
    return await expectSuccess(
      'DELETE os-volume_attachments',
      cloud.compute('DELETE', `${path}/${attached.volumeId}`),
    );
  // A volume that a request is just creating must not be used by another.
  if (free && dice < 0.75 && !('nova_request' in free.metadata))
    return await expectSuccess(
      'POST os-volume_attachments',
      cloud.compute('POST', path, {
        volumeAttachment: { volumeId: free.id, delete_on_termination: ids.random() < 0.5 },
      }),
    );
  if (volumes.length >= maxVolumes)
    return (
      free &&
      (await expectSuccess(
        'DELETE volumes',
        cloud.volume('DELETE', `/volumes/${free.id}?cascade=true`),
      ))
    );
  if (dice < 0.8) return await changeImages(cloud, id, expectSuccess);
  if (dice < 0.9)
    return await expectSuccess(
      'POST volumes',
      cloud.volume('POST', '/volumes', { volume: { size: 1 } }),
    );
  const device = bootVolume(cloud.imageId);
  // Sometimes with a second disk that cannot be created: the request is refused while the first is
  // being created.
  const more =
    ids.random() < 0.3
      ? [
          {
            source_type: 'blank',
            destination_type: 'volume',
            volume_size: 1,
            volume_type: 'no such type',
          },
        ]
      : [];
  await expectSuccess(
    'POST /servers from a volume',
    cloud.compute('POST', '/servers', {
      server: {
        name: 'vm',
        flavorRef: '42',
        imageRef: '',
        networks: 'none',
        block_device_mapping_v2: [device, ...more],
      },
    }),
  );
}

const maxImages = 4;
interface ServerImage {
  id: string;
  name: string;
  status: string;
  block_device_mapping?: string;
}
const imagesOfServers = async (cloud: SimCloud): Promise<ServerImage[]> =>
  await listed(cloud.image('GET', '/images?image_type=snapshot'), 'images');

/**
 * Creates an image of the server, or deletes images whose snapshots were deleted with their
 * volumes.
 */
async function changeImages(
  cloud: SimCloud,
  id: string,
  expectSuccess: (what: string, call: ReturnType<SimCloud['compute']>) => Promise<void>,
): Promise<void> {
  const images = (await imagesOfServers(cloud)).filter(
    ({ status, name }) => status === 'active' && !name.endsWith('-shelved'),
  );
  if (images.length < maxImages)
    return await expectSuccess(
      'createImage',
      cloud.compute('POST', `/servers/${id}/action`, { createImage: { name: 'copy' } }),
    );
  const snapshots = await listed<Named>(cloud.volume('GET', '/snapshots'), 'snapshots');
  for (const image of images)
    if (!snapshots.some((snapshot) => image.block_device_mapping?.includes(snapshot.id)))
      await expectSuccess('DELETE images', cloud.image('DELETE', `/images/${image.id}`));
}

/**
 * Objects that requests created at other services and that belong to nothing: queued images,
 * snapshots without an image, volumes without a server.
 */
export async function halfMade(cloud: SimCloud): Promise<string[]> {
  const servers = await listed<Named>(cloud.compute('GET', '/servers'), 'servers');
  const attachments = await Promise.all(
    servers.map(
      async ({ id }) =>
        await listed<{ volumeId: string }>(
          cloud.compute('GET', `/servers/${id}/os-volume_attachments`),
          'volumeAttachments',
        ),
    ),
  );
  const volumes = await listed<Named & { metadata: object }>(
    cloud.volume('GET', '/volumes/detail'),
    'volumes',
  );
  const snapshots = await listed<Named & { volume_id: string; metadata: object }>(
    cloud.volume('GET', '/snapshots/detail'),
    'snapshots',
  );
  const images = await imagesOfServers(cloud);
  const [attached, named] = [
    new Set(attachments.flat().map(({ volumeId }) => volumeId)),
    images.map(({ block_device_mapping: mapping }) => mapping ?? '').join(),
  ];
  return [
    ...images.filter(({ status }) => status === 'queued').map(({ id }) => `image ${id}`),
    ...snapshots
      .filter(({ id, metadata }) => 'nova_request' in metadata && !named.includes(id))
      .map(({ id }) => `snapshot ${id}`),
    // Not volumes with snapshots, which Cinder keeps when their server is deleted; changeImages
    // deletes such snapshots with their volumes.
    ...volumes
      .filter(
        ({ id, metadata }) =>
          'nova_request' in metadata &&
          !attached.has(id) &&
          !snapshots.some(({ volume_id }) => volume_id === id),
      )
      .map(({ id }) => `volume ${id}`),
  ];
}

/** Detaches one of the server's interfaces, or attaches another. */
async function changeInterfaces(
  cloud: SimCloud,
  id: string,
  ids: Pick<Ids, 'random'>,
): Promise<void> {
  const listed = (await cloud.compute('GET', `/servers/${id}/os-interface`)).body as {
    interfaceAttachments?: { port_id: string }[];
  };
  const nic = oneOf(listed.interfaceAttachments ?? [], ids);
  if (nic && ids.random() < 0.5) {
    const answer = await cloud.compute('DELETE', `/servers/${id}/os-interface/${nic.port_id}`);
    return check('DELETE os-interface', answer.status, answer.body);
  }
  const answer = await cloud.compute('POST', `/servers/${id}/os-interface`, {
    interfaceAttachment: { net_id: cloud.networkId },
  });
  // 400: the interface could not be plugged in, and the answer says why. 504: a process stood still
  // for longer than the API waits, and the interface comes later.
  if (![400, 504].includes(answer.status)) check('POST os-interface', answer.status, answer.body);
}

function check(what: string, status: number, body: unknown): void {
  if (!expected.has(status)) throw new Error(`${what}: ${status} ${JSON.stringify(body)}`);
}

// Fixture for tests of servers with volumes: a conductor with one host. Database, bus and saga
// runner are real; Placement, Glance and Cinder are doubles at the HTTP boundary, the agent is a
// double on the bus.
import { after, afterEach, beforeEach } from 'node:test';
import type { Fault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { ComputeAgentRpc } from '#contracts/nova/compute-agent-rpc.ts';
import type { GuestSpec, GuestVolume } from '#contracts/nova/guest.ts';
import type { Answer, Loose } from '#openstack/http/api.testing.ts';
import type { HttpCall } from '#openstack/http/client.ts';
import type { CinderDouble } from '../cinder.testing.ts';
import { cinderDouble } from '../cinder.testing.ts';
import { startConductor } from './conductor.testing.ts';
import { reapVolumes } from './tasks/reap-volumes.ts';

export const never = new AbortController().signal;
/** The volumes that the agent was told to attach, by guest. */
export const disks = new Map<string, GuestVolume[]>();
export const specs = new Map<string, GuestSpec>();
/** The Cinder double, and the calls that the agent refuses. New for each test. */
export const world: {
  cinder: CinderDouble;
  refuses: Partial<Record<keyof ComputeAgentRpc, Fault>>;
} = { cinder: cinderDouble(), refuses: {} };
export const glance: { images: (JsonObject & { id: string })[] } = { images: [] };
export const calls: { method: string; params: Loose }[] = [];

const recorded =
  <K extends keyof ComputeAgentRpc>(
    method: K,
    work: (params: ComputeAgentRpc[K]['params']) => void,
  ) =>
  async (params: ComputeAgentRpc[K]['params']) => {
    calls.push({ method, params });
    const refusal = world.refuses[method];
    if (refusal) return refusal;
    work(params);
    return null;
  };
export const fixture = await startConductor({
  hosts: ['h1'],
  server: { networks: 'none' },
  agent: {
    buildGuest: recorded('buildGuest', ({ spec }) => {
      specs.set(spec.uuid, spec);
      disks.set(spec.uuid, [...spec.volumes]);
    }),
    destroyGuest: recorded('destroyGuest', ({ uuid }) => void disks.delete(uuid)),
    attachVolume: recorded(
      'attachVolume',
      ({ uuid, volume }) =>
        void disks.set(uuid, [
          ...(disks.get(uuid) ?? []).filter(({ volumeId }) => volumeId !== volume.volumeId),
          volume,
        ]),
    ),
    detachVolume: recorded(
      'detachVolume',
      ({ uuid, volumeId }) =>
        void disks.set(
          uuid,
          (disks.get(uuid) ?? []).filter((volume) => volume.volumeId !== volumeId),
        ),
    ),
    resizeVolume: recorded('resizeVolume', () => undefined),
    snapshotVolume: recorded('snapshotVolume', () => undefined),
    uploadRoot: recorded('uploadRoot', () => undefined),
  },
});
export const { nova, post, show, untilIdle, buildServer, deleteServer } = fixture;
export const imageId = fixture.image.id;

/** Answers for Glance: images that Nova creates. */
function images({ method, path, body }: HttpCall): { status: number; body?: Json } {
  const at = glance.images.findIndex(({ id }) => path.includes(id));
  if (method === 'POST')
    return {
      status: 201,
      body:
        glance.images[
          glance.images.push({
            id: nova.deps.ids.uuid(),
            ...(body as JsonObject),
            status: 'queued',
            size: 0,
          }) - 1
        ] ?? {},
    };
  if (method === 'DELETE') glance.images.splice(at, 1);
  if (method === 'PUT') Object.assign(glance.images[at] ?? {}, { status: 'active' });
  return method === 'GET' ? { status: 200, body: glance.images[at] ?? {} } : { status: 204 };
}

/**
 * Fields of a create request for a server that boots from `device`, with `others` as further
 * volumes.
 */
export const bootFrom = (
  device: Record<string, Json>,
  ...others: Record<string, Json>[]
): Record<string, Json> => ({
  imageRef: '',
  block_device_mapping_v2: [
    { boot_index: 0, destination_type: 'volume', ...device },
    ...others.map((other) => ({ destination_type: 'volume', ...other })),
  ],
});
export const detach = async (serverId: string, volumeId: string): Promise<Answer> =>
  await nova.ask('member', 'DELETE', `servers/${serverId}/os-volume_attachments/${volumeId}`);
export const attach = async (
  id: string,
  volumeId: string,
  more: Record<string, Json> = {},
  version = 89,
): Promise<Answer> =>
  await nova.ask('member', 'POST', `servers/${id}/os-volume_attachments`, {
    version,
    body: { volumeAttachment: { volumeId, ...more } },
  });
export const statusOf = (id: string): string | undefined =>
  world.cinder.volumes.find((volume) => volume.id === id)?.status;

/** Registers the test hooks: each test begins without servers, volumes and refusals. */
export function useVolumeServers(): void {
  after(async () => await fixture.close());
  beforeEach(() => {
    Object.assign(world, { cinder: cinderDouble(), refuses: {} });
    [calls.length, glance.images.length] = [0, 0];
    nova.answerCalls((call) => {
      if (call.service === 'volume') return world.cinder.answer(call);
      if (call.service === 'network') return { status: 200, body: { networks: [], ports: [] } };
      if (
        call.service === 'image' &&
        (call.method !== 'GET' || glance.images.some(({ id }) => call.path.endsWith(id)))
      )
        return images(call);
      if (call.service === 'image')
        return { status: call.path.includes(imageId) ? 200 : 404, body: fixture.image };
      return fixture.placement(call);
    });
  });
  afterEach(async () => {
    world.cinder.away = false;
    world.refuses = {};
    await fixture.removeAll();
    await reapVolumes(nova.deps).run(never);
  });
}

// Sends hostile images along every path that images take: hostile-images.testing.ts JOB_FILE, run
// by hostile-images.test.ts under strace. Prints each result as JSON.
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createLibvirtHypervisor } from '#adapters/libvirt/libvirt-hypervisor.ts';
import { createNfsVolumes } from '#adapters/nfs/nfs-volumes.ts';
import type { HostileImage } from '#adapters/qemu-img/hostile-images.testing.ts';
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import { createGuestBuilds } from '#agents/nova-agent/build-guest.ts';
import type { NovaAgentDeps } from '#agents/nova-agent/deps.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { GuestSpec } from '#contracts/nova/guest.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { startGlance } from '#services/glance/api/glance.testing.ts';

export interface Job {
  folder: string;
  share: { server: string; path: string };
  images: HostileImage[];
}

/** The result of one image on each path: 'accepted', or the fault's kind and message. */
export interface Fate {
  name: string;
  glance: number;
  boot: string;
  rescue: string;
  volume: string;
  /** Content of a volume that was created from the image. */
  content: string;
  slowestMs: number;
}

const atOnce = 4;
/**
 * Limit of the images that are sent along every path: larger ones are only imported as volumes: not
 * sent to Glance, and not used as raw content.
 */
const smallBytes = 64 * 1024 ** 2;

const {
  folder,
  share,
  images: hostile,
} = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')) as Job;
const images = createQemuDiskImages({ log: silentLog, socketFolder: folder });
const stateDir = join(folder, 'host');
// The image cache needs no libvirtd; guests cannot be started.
const hypervisor = createLibvirtHypervisor(
  { socketPath: join(folder, 'no-libvirtd'), stateDir, acceleration: 'tcg' },
  { log: silentLog, images },
);
const volumes = createNfsVolumes({ share, images });
const [strict, lenient] = [
  await startGlance(),
  await startGlance({ config: { requireFormatMatch: false } }),
];

const verdictOf = (outcome: Outcome<unknown>): string =>
  isFault(outcome) ? `${outcome.kind}: ${outcome.message}` : 'accepted';

async function upload(
  glance: typeof strict,
  image: HostileImage,
): Promise<{ id: string; status: number }> {
  const {
    body: { id },
  } = await glance.ask('ann', 'POST', '/images', {
    name: image.name,
    disk_format: image.diskFormat,
    container_format: 'bare',
  });
  return {
    id,
    status: (await glance.ask('ann', 'PUT', `/images/${id}/file`, createReadStream(image.path)))
      .status,
  };
}

/**
 * The Nova Agent's path. Glance refuses most of the images, so a double that does not provides
 * their data.
 */
async function nova(image: HostileImage, imageId: string, sizeBytes: number): Promise<string> {
  const builds = createGuestBuilds({
    hypervisor,
    clock: systemClock,
    log: silentLog,
    session: { token: async () => 'ann' },
    http: {
      send: async () => ({
        status: 200,
        stream: await lenient.store.read(
          (await lenient.store.list()).find(({ key }) => key.startsWith(imageId))?.key ?? '',
        ),
      }),
    },
  } as unknown as NovaAgentDeps); // cast: all that a build reads before it creates the guest
  const spec = {
    uuid: systemIds.uuid(),
    rootDisk: {
      image: { id: imageId, diskFormat: image.diskFormat, sizeBytes, checksum: '' },
      sizeGib: 1,
      bus: 'virtio',
    },
    kernel: null,
  } as unknown as GuestSpec; // cast: as above
  return verdictOf(await builds.run(spec, systemClock.now() + 60_000, async () => undefined));
}

async function cinder(
  image: HostileImage,
  sizeBytes: number,
): Promise<{ volume: string; content: string }> {
  const [id, snapshot] = [systemIds.uuid(), systemIds.uuid()];
  const creation = await volumes.createVolume(id, 1, { kind: 'blank' });
  assert.ok(!isFault(creation), verdictOf(creation));
  const exported = async (
    source: Parameters<typeof volumes.exportFile>[0],
    name: string,
  ): Promise<Outcome<void>> =>
    await volumes.exportFile(source, { path: join(folder, 'exported', name), format: 'qcow2' });
  try {
    const volume = verdictOf(await volumes.importFile(id, 1, image));
    if (volume === 'accepted')
      assert.equal(verdictOf(await exported({ volumeId: id }, `${id}.volume`)), 'accepted');
    if (sizeBytes > smallBytes) return { volume, content: 'too large to be a content' };
    const steps = [
      () => volumes.importFile(id, 1, { path: image.path, diskFormat: 'raw' }),
      () => volumes.extendVolume(id, 2),
      () => volumes.createSnapshot({ id: snapshot, volumeId: id }),
      () => exported({ snapshot: { id: snapshot, volumeId: id } }, `${id}.snapshot`),
      () => volumes.deleteSnapshot({ id: snapshot, volumeId: id }, { inUse: false }),
      () => exported({ volumeId: id }, `${id}.content`),
    ];
    for (const step of steps) {
      const outcome = await step();
      if (isFault(outcome)) return { volume, content: verdictOf(outcome) };
    }
    return { volume, content: 'accepted' };
  } finally {
    await volumes.deleteVolume(id);
  }
}

async function fateOf(image: HostileImage): Promise<Fate> {
  const sizeBytes = (await stat(image.path)).size;
  let slowestMs = 0;
  const timed = async <T>(work: Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    const result = await work;
    slowestMs = Math.max(slowestMs, Math.round(performance.now() - startedMs));
    return result;
  };
  if (sizeBytes > smallBytes)
    return {
      name: image.name,
      glance: 0,
      boot: '-',
      rescue: '-',
      ...(await timed(cinder(image, sizeBytes))),
      slowestMs,
    };
  const { status } = await timed(upload(strict, image));
  const { id, status: took } = await upload(lenient, image);
  assert.equal(took, 204, image.name);
  const [boot, rescue] = [
    await timed(nova(image, id, sizeBytes)),
    await timed(nova(image, id, sizeBytes)),
  ];
  return {
    name: image.name,
    glance: status,
    boot,
    rescue,
    ...(await timed(cinder(image, sizeBytes))),
    slowestMs,
  };
}

const fates: Fate[] = [];
const waiting = hostile.toReversed();
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    for (let image = waiting.pop(); image; image = waiting.pop()) fates.push(await fateOf(image));
  }),
);
volumes.close();
await hypervisor.close();
for (const glance of [strict, lenient]) await glance.close();
await rm(join(folder, 'no-libvirtd'), { force: true });
process.stdout.write(JSON.stringify(fates));

// Registers the guest images `tiny` and `tiny-disk` in Glance, by its public API. Idempotent: an
// existing image stays.
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { buildGuestImages, tinyCommandLine } from '#images/guest/build-guest-images.ts';
import type { ClientDeps } from '#openstack/clients/call.ts';
import { itself, refusedStatus } from '#openstack/clients/call.ts';
import { glanceClient } from '#openstack/clients/glance.ts';
import type { Log } from '#platform/log.ts';
import type { Task, TaskRunner } from '#platform/tasks/tasks.ts';
import { createTroubleLog } from '#platform/trouble-log.ts';
import type { PreparedCloud } from './prepare-cloud.ts';

/** HTTP client and session; the session must be an administrator's. */
export type Seeder = ClientDeps;

/** A limit against hanging only: a gigabyte takes seconds. */
const uploadTimeoutMs = 600_000;

// Root disk of a guest with kernel and initrd of its own: empty, and resized to the flavor's disk.
const blankDisk = Buffer.alloc(1024 * 1024);

/** Registers images for simulated guests: empty, under the same names. */
export async function seedBlankImages(seeder: Seeder): Promise<Outcome<void>> {
  for (const name of ['tiny', 'tiny-disk']) {
    const registered = await ensure(
      seeder,
      name,
      { disk_format: 'raw', container_format: 'bare', visibility: 'public' },
      () => Readable.from([blankDisk]),
    );
    if (isFault(registered)) return registered;
  }
  return undefined;
}

/**
 * Builds and registers the images. unavailable: they cannot be built on this machine; the message
 * says why.
 */
export async function seedGuestImages(
  seeder: Seeder,
  options: { outDir: string; log: Log },
): Promise<Outcome<void>> {
  const present = await Promise.all(
    ['tiny', 'tiny-disk'].map(async (name) => await findActiveImage(seeder, name)),
  );
  const broken = present.find(isFault);
  if (broken) return broken;
  if (present.every((id) => id !== undefined)) return undefined;
  const build = await buildGuestImages(options);
  if (isFault(build)) return build;
  const kernel = await ensure(
    seeder,
    'tiny-kernel',
    { disk_format: 'aki', container_format: 'aki', visibility: 'public' },
    () => createReadStream(build.kernel),
  );
  if (isFault(kernel)) return kernel;
  const ramdisk = await ensure(
    seeder,
    'tiny-ramdisk',
    { disk_format: 'ari', container_format: 'ari', visibility: 'public' },
    () => createReadStream(build.ramdisk),
  );
  if (isFault(ramdisk)) return ramdisk;
  const about = {
    container_format: 'bare',
    visibility: 'public',
    os_distro: 'cobalt-tiny',
    min_ram: 128,
  };
  const tiny = await ensure(
    seeder,
    'tiny',
    {
      ...about,
      disk_format: 'raw',
      kernel_id: kernel,
      ramdisk_id: ramdisk,
      os_command_line: tinyCommandLine,
    },
    () => Readable.from([blankDisk]),
  );
  if (isFault(tiny)) return tiny;
  const disk = await ensure(
    seeder,
    'tiny-disk',
    { ...about, disk_format: 'qcow2', min_disk: 1 },
    () => createReadStream(build.disk),
  );
  return isFault(disk) ? disk : undefined;
}

/** The id of the public, active image with this name; undefined if there is none. */
export async function findActiveImage(
  seeder: Seeder,
  name: string,
): Promise<Outcome<string | undefined>> {
  const query = new URLSearchParams({ name, visibility: 'public', status: 'active' });
  const page = await glanceClient(seeder, itself).list(query);
  return isFault(page) ? withContext(page, 'to a list of images.') : page.images[0]?.id;
}

/** As `ensure`, with the data from a file. */
export async function registerImageFile(
  seeder: Seeder,
  name: string,
  properties: JsonObject,
  path: string,
): Promise<Outcome<string>> {
  return await ensure(seeder, name, properties, () => createReadStream(path));
}

/**
 * The id of the active image with this name; creates the image if there is none, and replaces one
 * whose upload was interrupted.
 */
async function ensure(
  seeder: Seeder,
  name: string,
  properties: JsonObject,
  open: () => Readable,
): Promise<Outcome<string>> {
  const present = await findActiveImage(seeder, name);
  if (present !== undefined) return present;
  const glance = glanceClient(seeder, itself);
  const created = await glance.create({ name, ...properties });
  if (isFault(created))
    return withContext(created, `when ${name} was registered: ${created.detail['answer'] ?? ''}`);
  const uploaded = await glance.upload(created.id, open(), { timeoutMs: uploadTimeoutMs });
  if (!isFault(uploaded)) return created.id;
  await glance.deleteImage(created.id);
  return withContext(uploaded, `when ${name} was uploaded.`);
}

const withContext = (answer: Fault, when: string): Fault => {
  const status = refusedStatus(answer);
  return status === undefined ? answer : fault('unavailable', `Glance answered ${status} ${when}`);
};

const retryImagesMs = 20_000;

/**
 * A task that retries until the images are registered, since a mirror may be unreachable for a
 * while.
 */
function retryImages(seed: () => Promise<Outcome<void>>, log: Log): Task {
  const troubles = createTroubleLog(log);
  let complete = false;
  return {
    name: 'cloud.seed-guest-images',
    everyMs: retryImagesMs,
    scope: 'every',
    async run() {
      if (complete) return;
      const seeded = await seed();
      troubles.note('images', seeded, 'no guest images');
      complete = !isFault(seeded);
    },
  };
}

/**
 * Registers the images that the cloud's hosts can run; if that fails now, retries in the
 * background.
 */
export async function seedImages(
  seeder: Seeder,
  options: {
    cloud: Pick<PreparedCloud, 'home' | 'step'>;
    localHosts: number;
    tasks: TaskRunner;
    log: Log;
  },
): Promise<void> {
  const { cloud, localHosts, tasks, log } = options;
  const seed = async (): Promise<Outcome<void>> =>
    localHosts === 0
      ? await seedBlankImages(seeder)
      : await seedGuestImages(seeder, {
          outDir: cloud.home.guestImages,
          log: log.child({ component: 'images' }),
        });
  const seeded = await seed();
  cloud.step(
    'guest images',
    isFault(seeded)
      ? `${seeded.message}\nIt is tried again every ${retryImagesMs / 1000} s.`
      : undefined,
  );
  if (isFault(seeded)) tasks.start([retryImages(seed, log)]);
}

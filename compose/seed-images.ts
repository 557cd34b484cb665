// Registers the guest images `tiny` and `tiny-disk` in Glance, by its public API. Safe to repeat:
// an image that is there stays.
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { buildGuestImages, tinyCommandLine } from '#images/guest/build-guest-images.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import type { Log } from '#platform/log.ts';

export interface Seeder {
  http: HttpClient;
  /** An admin's. */
  token: string;
}

/** A bound on a hang: a gigabyte takes seconds. */
const uploadTimeoutMs = 600_000;

// The root disk of a guest that boots from its kernel: empty, and as large as the flavor says.
const blankDisk = Buffer.alloc(1024 * 1024);

/** What simulated guests are made of: images of the same names, empty. */
export async function seedBlankImages(seeder: Seeder): Promise<Outcome<void>> {
  for (const name of ['tiny', 'tiny-disk']) {
    const made = await ensure(
      seeder,
      name,
      { disk_format: 'raw', container_format: 'bare', visibility: 'public' },
      () => Readable.from([blankDisk]),
    );
    if (isFault(made)) return made;
  }
  return undefined;
}

/** The images by name. unavailable: they cannot be built here; the message says why. */
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
  const built = await buildGuestImages(options);
  if (isFault(built)) return built;
  const kernel = await ensure(
    seeder,
    'tiny-kernel',
    { disk_format: 'aki', container_format: 'aki', visibility: 'public' },
    () => createReadStream(built.kernel),
  );
  if (isFault(kernel)) return kernel;
  const ramdisk = await ensure(
    seeder,
    'tiny-ramdisk',
    { disk_format: 'ari', container_format: 'ari', visibility: 'public' },
    () => createReadStream(built.ramdisk),
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
    () => createReadStream(built.disk),
  );
  return isFault(disk) ? disk : undefined;
}

/** The id of the public, active image of this name, if there is one. */
export async function findActiveImage(
  { http, token }: Seeder,
  name: string,
): Promise<Outcome<string | undefined>> {
  const answer = await http.send({
    method: 'GET',
    service: 'image',
    path: `/v2/images?name=${encodeURIComponent(name)}&visibility=public&status=active`,
    token,
  });
  if (isFault(answer)) return answer;
  if (answer.status !== 200)
    return fault('unavailable', `Glance answered ${answer.status} to a list of images.`);
  return (answer.body as { images: { id: string }[] }).images[0]?.id;
}

/** As `ensure`, of a file. */
export async function registerImageFile(
  seeder: Seeder,
  name: string,
  properties: JsonObject,
  path: string,
): Promise<Outcome<string>> {
  return await ensure(seeder, name, properties, () => createReadStream(path));
}

/**
 * The id of the active image of this name, made if there is none. One that was cut short earlier is
 * replaced.
 */
async function ensure(
  seeder: Seeder,
  name: string,
  properties: JsonObject,
  open: () => Readable,
): Promise<Outcome<string>> {
  const known = await findActiveImage(seeder, name);
  if (known !== undefined) return known;
  const { http, token } = seeder;
  const made = await http.send({
    method: 'POST',
    service: 'image',
    path: '/v2/images',
    token,
    body: { name, ...properties },
  });
  if (isFault(made)) return made;
  if (made.status !== 201)
    return fault(
      'unavailable',
      `Glance answered ${made.status} when ${name} was registered: ${JSON.stringify(made.body)}`,
    );
  const { id } = made.body as { id: string };
  const put = await http.send({
    method: 'PUT',
    service: 'image',
    path: `/v2/images/${id}/file`,
    token,
    headers: { 'content-type': 'application/octet-stream' },
    stream: open(),
    timeoutMs: uploadTimeoutMs,
  });
  if (!isFault(put) && put.status === 204) return id;
  await http.send({ method: 'DELETE', service: 'image', path: `/v2/images/${id}`, token });
  return isFault(put)
    ? put
    : fault('unavailable', `Glance answered ${put.status} when ${name} was uploaded.`);
}

// Offers the disks of a guest that is off to another host by qemu-nbd: read-only, encrypted, and
// accessible only with a key that is generated for this offer (TLS-PSK). The other side:
// fetch-disks.ts. qemu-nbd(8), qemu(1) on tls-creds-psk.
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { DiskOffer } from '#contracts/nova/guest.ts';
import { bound, startChild, type Child } from '#platform/child-process.ts';
import type { Driver } from './driver.ts';
import { asOutcome } from './outcome.ts';
import { exists } from './write-whole.ts';

/** The port range of libvirt's own migrations, which firewalls between hypervisors let through. */
const ports = { first: 49_152, count: 64 };
/** How long a qemu-nbd may take until it listens. */
const readyMs = 5_000;
/** Interval at which it is polled whether a qemu-nbd listens. */
const pollEveryMs = 10;

/**
 * The qemu-nbd processes that serve a guest's disks at the moment, and the folder with their key.
 */
export interface RunningOffer {
  servers: Child[];
  folder: string;
}

interface Served {
  name: DiskOffer['disks'][number]['name'];
  file: string;
  format: 'raw' | 'qcow2';
}

/** See `offerDisks` in ports/hypervisor.ts. */
export function offerDisks(
  driver: Driver,
  uuid: string,
  { flat, forMs }: { flat: boolean; forMs: number },
): Promise<Outcome<DiskOffer>> {
  return driver.locks.run(uuid, () =>
    asOutcome(async () => {
      const state = await driver.domains.state(uuid);
      if (state === 'absent') return fault('notFound', `no guest ${uuid} on this host`);
      if (state !== 'shutoff' && state !== 'crashed')
        return fault('conflict', `the disks of guest ${uuid} are in use while it is ${state}`, {
          state,
        });
      await endOffer(driver, uuid);
      const own = driver.folder.guest(uuid);
      const folder = path.join(own.root, 'offer');
      const key = randomBytes(32).toString('hex');
      await writeKey(folder, key);
      // An overlay is served as a raw file, without its backing image, which is in the other host's
      // cache as well. `flat`: its content is served, including the backing image.
      const all: Served[] = [
        { name: 'root', file: own.disk, format: flat ? 'qcow2' : 'raw' },
        { name: 'ephemeral', file: own.ephemeral, format: 'raw' },
      ];
      const offer: RunningOffer = { servers: [], folder };
      driver.offers.set(uuid, offer);
      const disks: DiskOffer['disks'] = [];
      for (const served of all) {
        if (!(await exists(served.file))) continue;
        const port = await serve(driver, offer, served, forMs);
        if (isFault(port)) {
          await endOffer(driver, uuid);
          return port;
        }
        disks.push({ name: served.name, port });
      }
      return { address: driver.settings.transferAddress, key, flat, disks };
    }),
  );
}

/** See `withdrawDisks` in ports/hypervisor.ts. */
export function withdrawDisks(driver: Driver, uuid: string): Promise<Outcome<void>> {
  return driver.locks.run(uuid, () => asOutcome(async () => await endOffer(driver, uuid)));
}

/**
 * Ends the guest's offer, if there is one. The caller holds the guest's lock. To be called before
 * the guest starts, since QEMU cannot open a disk that is being served.
 */
export async function endOffer(driver: Driver, uuid: string): Promise<void> {
  const offer = driver.offers.get(uuid);
  if (!offer) return;
  for (const server of offer.servers) server.kill();
  await Promise.all(offer.servers.map(async (server) => await server.ended));
  await rm(offer.folder, { recursive: true, force: true });
  driver.offers.delete(uuid);
}

/**
 * Creates a folder that only its owner can read, with the key in the file where QEMU expects it.
 */
export async function writeKey(folder: string, key: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(path.join(folder, 'keys.psk'), `qemu:${key}\n`, { mode: 0o600 });
}

/** Escapes text for an option of QEMU, in which a comma ends a value. */
export const inOption = (text: string): string => text.replaceAll(',', ',,');

async function serve(
  driver: Driver,
  offer: RunningOffer,
  { name, file, format }: Served,
  forMs: number,
): Promise<Outcome<number>> {
  const ready = path.join(offer.folder, `${name}.pid`);
  let why = '';
  for (let port = ports.first; port < ports.first + ports.count; port += 1) {
    const server = startChild(
      bound([
        'qemu-nbd',
        '--read-only',
        '--persistent',
        '--shared=4',
        `--bind=${driver.settings.transferAddress}`,
        `--port=${port}`,
        `--export-name=${name}`,
        `--pid-file=${ready}`,
        '--object',
        `tls-creds-psk,id=tls,endpoint=server,dir=${inOption(offer.folder)}`,
        '--tls-creds=tls',
        `--format=${format}`,
        file,
      ]),
      { timeoutMs: forMs },
    );
    const serverEnd = server.ended.then((end) => end.stderr || `ended with ${end.code}`);
    const failed = await Promise.race([serverEnd, isReady(driver, ready)]);
    if (failed === true) {
      offer.servers.push(server);
      return port;
    }
    server.kill();
    why = typeof failed === 'string' ? failed : 'it does not come up';
    if (!/in use/i.test(why)) break; // another port would not help
  }
  driver.log.warn({ disk: name, why }, 'a disk cannot be offered');
  return fault('unavailable', `the ${name} disk cannot be offered to another host`);
}

/** Whether qemu-nbd is listening: then it has written its pid file. */
async function isReady(driver: Driver, pidFile: string): Promise<boolean> {
  for (const untilMs = driver.now() + readyMs; driver.now() < untilMs; await delay(pollEveryMs))
    if (await exists(pidFile)) return true;
  return false;
}

// The port `disk-images` by qemu-img. What a tenant sent is only ever parsed in a sandbox (sandbox.ts): qemu-img reports it there, and
// qemu-nbd serves its disk from there as plain bytes, which a qemu-img outside copies.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault, FaultKind, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Log } from '#platform/log.ts';
import type { DiskImages, ForeignImage, JudgedImage, RunLimits } from '#ports/disk-images.ts';
import type { Child, ChildEnd } from './child.ts';
import { bound, startChild } from './child.ts';
import type { QemuFormat } from './disk-formats.ts';
import { qemuFormatOf } from './disk-formats.ts';
import type { ImageInfo } from './judge-image.ts';
import { judgeImage } from './judge-image.ts';
import { imageInside, sandboxed } from './sandbox.ts';

/** A header is read in milliseconds; stock Nova gives qemu-img 30 s of CPU time. */
const inspectTimeoutMs = 30_000;
const inspectCpuSeconds = 30;
const serveTimeoutMs = 10_000;
const socketLookMs = 5;

type Judged = JudgedImage & { format: QemuFormat };

export function createQemuDiskImages({ log }: { log: Log }): DiskImages {
  const images: DiskImages = {
    async run(args, limits) {
      const end = await startChild(bound(['qemu-img', ...args]), limits).ended;
      return end.code === 0 ? end.stdout : failure(`qemu-img ${args[0]}`, end, limits);
    },
    async virtualBytes(name, limits) {
      const text = await images.run(['info', '-U', '--output=json', '-f', 'qcow2', name], limits);
      return isFault(text) ? text : (JSON.parse(text) as ImageInfo)['virtual-size']; // QEMU: ImageInfo
    },
    async inspect(image, maxVirtualBytes, limits) {
      const judged = await judge(image, maxVirtualBytes, limits);
      return isFault(judged) ? judged : { virtualBytes: judged.virtualBytes, isRaw: judged.isRaw };
    },
    async convert(image, maxVirtualBytes, target, limits) {
      const judged = await judge(image, maxVirtualBytes, limits);
      if (isFault(judged)) return judged;
      const copy = async (source: string): Promise<Outcome<void>> => {
        const copied = await images.run(['convert', ...(target.intoExisting ? ['-n'] : []), '-O', 'qcow2', source, target.name], limits);
        return isFault(copied) ? copied : undefined;
      };
      const copied = judged.isRaw ? await copy(rawFile(image.path)) : await withDisk(image.path, judged.format, limits, async (source) => blameImage(await copy(source)));
      return isFault(copied) ? copied : { virtualBytes: judged.virtualBytes, isRaw: judged.isRaw };
    },
  };

  async function judge({ path, diskFormat }: ForeignImage, maxVirtualBytes: number, limits: RunLimits): Promise<Outcome<Judged>> {
    const format = qemuFormatOf(diskFormat);
    if (format === undefined) return fault('badRequest', 'The disk format of the image is not supported.');
    if (format === 'raw') {
      const { size } = await stat(path);
      if (size > maxVirtualBytes) return fault('tooLarge', 'The image is larger than the disk that it is for.');
      return { format, virtualBytes: size, isRaw: true };
    }
    const command = sandboxed('qemu-img', ['info', '--output=json', '-f', format, imageInside], { imagePath: path, cpuSeconds: inspectCpuSeconds });
    const end = await startChild(bound(command), { ...limits, timeoutMs: Math.min(limits.timeoutMs, inspectTimeoutMs) }).ended;
    if (end.killedFor === 'abort') return failure('the inspection', end, limits);
    if (end.code === null && end.killedFor === null && /ENOENT/.test(end.stderr)) return fault('unavailable', `The inspection of images needs setpriv, prlimit and bwrap: ${end.stderr}`);
    if (/^(bwrap|prlimit|setpriv): /m.test(end.stderr)) return fault('unavailable', `The inspection of images has no sandbox: ${end.stderr}`);
    if (end.code !== 0) {
      log.info({ format, why: end.killedFor ?? end.stderr }, 'an image was refused: QEMU cannot read it on its own');
      return fault('badRequest', `The image cannot be read as ${diskFormat}: it is damaged, of another format, or refers to another file.`);
    }
    const virtualBytes = judgeImage(JSON.parse(end.stdout) as ImageInfo, format, maxVirtualBytes); // QEMU: ImageInfo
    return isFault(virtualBytes) ? virtualBytes : { format, virtualBytes, isRaw: false };
  }

  /** Serves the image's disk as plain bytes while `work` runs. */
  async function withDisk(path: string, format: QemuFormat, limits: RunLimits, work: (source: string) => Promise<Outcome<void>>): Promise<Outcome<void>> {
    const folder = await mkdtemp(join(tmpdir(), 'cobalt-nbd-'));
    const inside = '/export';
    const args = ['--read-only', '--persistent', '-f', format, '--socket', `${inside}/disk`, imageInside];
    const command = sandboxed('qemu-nbd', args, { imagePath: path, cpuSeconds: Math.ceil(limits.timeoutMs / 1000), socketFolder: { outside: folder, inside } });
    const server = startChild(bound(command), limits);
    const socket = join(folder, 'disk');
    try {
      const missing = await socketAppears(server, socket, limits);
      return missing ?? (await work(nbdDisk(socket)));
    } finally {
      server.kill();
      await server.ended;
      await rm(folder, { recursive: true, force: true });
    }
  }

  return images;
}

async function socketAppears(server: Child, socket: string, limits: RunLimits): Promise<Fault | undefined> {
  let end: ChildEnd | undefined;
  void server.ended.then((ended) => (end = ended));
  for (const untilMs = performance.now() + serveTimeoutMs; performance.now() < untilMs; await delay(socketLookMs)) {
    if (end) return end.killedFor === null ? fault('badRequest', 'The image cannot be read: it is damaged.') : failure('qemu-nbd', end, limits);
    if (await stat(socket).then(() => true, () => false)) return undefined;
  }
  return fault('timeout', `qemu-nbd does not serve the image within ${serveTimeoutMs / 1000} s.`);
}

/** What cannot be read of the image is the image's own damage, no failure of the storage. */
function blameImage(copied: Outcome<void>): Outcome<void> {
  const damaged = isFault(copied) && copied.kind === 'unavailable' && /error while reading/.test(copied.message);
  return damaged ? fault('badRequest', 'The image cannot be read to its end: it is damaged.') : copied;
}

// As JSON, so that no part of a name is taken for a protocol.
const rawFile = (path: string): string => `json:${JSON.stringify({ driver: 'raw', file: { driver: 'file', filename: path } })}`;
const nbdDisk = (path: string): string => `json:${JSON.stringify({ driver: 'raw', file: { driver: 'nbd', server: { type: 'unix', path } } })}`;

function failure(what: string, { stderr, code, killedFor }: ChildEnd, { timeoutMs }: RunLimits): Fault {
  const words = `${what}: ${stderr.split('\n').slice(-3).join(' | ') || `ended with code ${code}`}`;
  if (killedFor === 'deadline') return fault('timeout', `${words} (ended after ${timeoutMs / 1000} s)`);
  if (killedFor === 'abort') return fault('timeout', `${what} was ended: nobody waits for it any more.`);
  return fault(kindOf(words), words);
}

// What libnfs and QEMU say; they have no codes.
function kindOf(words: string): FaultKind {
  if (/No space left|NFS3ERR_NOSPC|NFS3ERR_DQUOT|Disk quota/.test(words)) return 'overQuota';
  if (/No such file|NFS3ERR_NOENT/.test(words)) return 'notFound';
  if (/Image is not in|Could not read.*header|Unknown file format|Invalid (image|footer)|not in .* format/.test(words)) return 'badRequest';
  return 'unavailable';
}

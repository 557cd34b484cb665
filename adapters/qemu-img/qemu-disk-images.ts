// The driver of ports/disk-images.ts by qemu-img. A tenant's image is parsed only in a sandbox
// (sandbox.ts): there qemu-img reports on it, and qemu-nbd serves its disk as raw bytes, which a
// qemu-img outside the sandbox copies.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault, FaultKind, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Child, ChildEnd } from '#platform/child-process.ts';
import { bound, startChild } from '#platform/child-process.ts';
import type { Log } from '#platform/log.ts';
import type { DiskImages, ForeignImage, JudgedImage, RunLimits } from '#ports/disk-images.ts';
import type { QemuFormat } from './disk-formats.ts';
import { qemuFormatOf } from './disk-formats.ts';
import type { ImageInfo } from './judge-image.ts';
import { judgeImage } from './judge-image.ts';
import { imageInside, sandboxed } from './sandbox.ts';

/** Deadline of an inspection; a header is usually read in milliseconds. */
const inspectTimeoutMs = 30_000;
/** Limit on the CPU time of an inspection, as in stock Nova. */
const inspectCpuSeconds = 30;
/** How long a qemu-nbd may take until it listens; added to its deadline, too. */
const serveTimeoutMs = 10_000;
/** Interval at which its socket is polled. */
const socketPollMs = 5;
const gib = 1024 ** 3;

type Judged = JudgedImage & { format: QemuFormat };
/** Copies a disk; `source` is its name in qemu-img's syntax. */
type Copy = (source: string) => Promise<Outcome<void>>;

/**
 * Creates the driver. `socketFolder`: folder for the sockets of conversions; its path has at most
 * 80 characters.
 */
export function createQemuDiskImages({
  log,
  socketFolder = tmpdir(),
}: {
  log: Log;
  socketFolder?: string;
}): DiskImages {
  const images: DiskImages = {
    async run(args, limits) {
      const text = await output(args, limits);
      return isFault(text) ? text : undefined;
    },
    async grow(name, sizeGib, limits) {
      const text = await output(['info', '-U', '--output=json', '-f', 'qcow2', name], limits);
      if (isFault(text)) return text;
      // Cast: the output is QEMU's ImageInfo.
      const presentBytes = (JSON.parse(text) as ImageInfo)['virtual-size'];
      const wantedBytes = sizeGib * gib;
      if (presentBytes > wantedBytes)
        return fault(
          'conflict',
          `The volume has ${presentBytes} bytes already, more than ${sizeGib} GiB.`,
        );
      return presentBytes === wantedBytes
        ? undefined
        : await images.run(['resize', '-q', '-f', 'qcow2', name, String(wantedBytes)], limits);
    },
    async inspect(image, maxVirtualBytes, limits) {
      const judged = await judge(image, maxVirtualBytes, limits);
      return isFault(judged) ? judged : { virtualBytes: judged.virtualBytes, isRaw: judged.isRaw };
    },
    async convert(image, maxVirtualBytes, target, limits) {
      const judged = await judge(image, maxVirtualBytes, limits);
      if (isFault(judged)) return judged;
      const copy: Copy = async (source) => {
        const options = target.intoExisting ? ['-n'] : [];
        const end = await qemuImg(
          ['convert', ...options, '-O', 'qcow2', source, target.name],
          limits,
        );
        if (end.code === 0) return undefined;
        const failed = failure('qemu-img convert', end, limits);
        const isDamaged = !judged.isRaw && /error while reading/.test(end.stderr);
        return isDamaged
          ? fault('badRequest', 'The image cannot be read to its end: it is damaged.')
          : failed;
      };
      const copied = judged.isRaw
        ? await copy(rawFile(image.path))
        : await withDisk(image.path, judged.format, limits, copy);
      return isFault(copied) ? copied : { virtualBytes: judged.virtualBytes, isRaw: judged.isRaw };
    },
  };

  /** Runs qemu-img and returns its output. */
  async function output(args: readonly string[], limits: RunLimits): Promise<Outcome<string>> {
    const end = await qemuImg(args, limits);
    return end.code === 0 ? end.stdout : failure(`qemu-img ${args[0]}`, end, limits);
  }

  async function qemuImg(args: readonly string[], limits: RunLimits): Promise<ChildEnd> {
    return await startChild(bound(['qemu-img', ...args]), limits).ended;
  }

  /**
   * The fault of a failed process. QEMU's message is only logged: it names files and addresses of
   * the host, and tenants may read faults.
   */
  function failure(
    what: string,
    { stderr, code, killedFor }: ChildEnd,
    { timeoutMs }: RunLimits,
  ): Fault {
    if (killedFor === 'abort')
      return fault('timeout', `${what} was ended: nobody waits for it any more.`);
    const why = stderr.split('\n').slice(-3).join(' | ') || `ended with code ${code}`;
    log.warn({ what, why, killedFor }, 'a command on an image failed');
    if (killedFor === 'deadline')
      return fault('timeout', `${what} did not end within ${timeoutMs / 1000} s.`);
    const [kind, text] = kindOf(why);
    return fault(kind, `${what}: ${text}`);
  }

  async function judge(
    { path, diskFormat }: ForeignImage,
    maxVirtualBytes: number,
    limits: RunLimits,
  ): Promise<Outcome<Judged>> {
    const format = qemuFormatOf(diskFormat);
    if (format === undefined)
      return fault('badRequest', 'The disk format of the image is not supported.');
    if (format === 'raw') {
      const { size } = await stat(path);
      if (size > maxVirtualBytes)
        return fault('tooLarge', 'The image is larger than the disk that it is for.');
      return { format, virtualBytes: size, isRaw: true };
    }
    const args = ['info', '--output=json', '-f', format, imageInside];
    const command = sandboxed('qemu-img', args, { imagePath: path, cpuSeconds: inspectCpuSeconds });
    const timeoutMs = Math.min(limits.timeoutMs, inspectTimeoutMs);
    const end = await startChild(bound(command), { ...limits, timeoutMs }).ended;
    if (end.killedFor === 'abort') return failure('the inspection', end, limits);
    if (lacksSandbox(end)) {
      log.error(
        { why: end.stderr },
        'images cannot be inspected: there is no sandbox (setpriv, prlimit, bwrap)',
      );
      return fault('unavailable', 'Images cannot be inspected on this host.');
    }
    if (end.code !== 0) {
      log.info(
        { format, why: end.killedFor ?? end.stderr },
        'an image was refused: QEMU cannot read it on its own',
      );
      const causes = 'it is damaged, of another format, or refers to another file';
      return fault('badRequest', `The image cannot be read as ${diskFormat}: ${causes}.`);
    }
    // Cast: QEMU's ImageInfo.
    const virtualBytes = judgeImage(JSON.parse(end.stdout) as ImageInfo, format, maxVirtualBytes);
    return isFault(virtualBytes) ? virtualBytes : { format, virtualBytes, isRaw: false };
  }

  /** Runs `work` while qemu-nbd, in the sandbox, serves the image's disk as raw bytes. */
  async function withDisk(
    path: string,
    format: QemuFormat,
    limits: RunLimits,
    work: Copy,
  ): Promise<Outcome<void>> {
    const folder = await mkdtemp(join(socketFolder, 'cobalt-nbd-'));
    const inside = '/export';
    const args = [
      '--read-only',
      '--persistent',
      '-f',
      format,
      '--socket',
      `${inside}/disk`,
      imageInside,
    ];
    const cpuSeconds = Math.ceil(limits.timeoutMs / 1000);
    const command = sandboxed('qemu-nbd', args, {
      imagePath: path,
      cpuSeconds,
      socketFolder: { outside: folder, inside },
    });
    // The server's deadline is later than that of `work`: if it ended first, the interrupted copy
    // would look like a damaged image.
    const server = startChild(bound(command), { timeoutMs: limits.timeoutMs + serveTimeoutMs });
    const socket = join(folder, 'disk');
    try {
      const early = await endedBeforeSocket(server, socket, limits.signal);
      if (early === null) return await work(nbdDisk(socket));
      if (early.killedFor !== null) return failure('qemu-nbd', early, limits);
      return fault('badRequest', 'The image cannot be read: it is damaged.');
    } finally {
      server.kill();
      await server.ended;
      await rm(folder, { recursive: true, force: true });
    }
  }

  return images;
}

/** Waits for the server's socket. null: it listens; else how the server ended before. */
async function endedBeforeSocket(
  server: Child,
  socket: string,
  signal: AbortSignal | undefined,
): Promise<ChildEnd | null> {
  let end: ChildEnd | undefined;
  void server.ended.then((ended) => (end = ended));
  for (const untilMs = performance.now() + serveTimeoutMs; ; await delay(socketPollMs)) {
    if (end) return end;
    if (
      await stat(socket).then(
        () => true,
        () => false,
      )
    )
      return null;
    if (performance.now() > untilMs) server.kill('deadline');
    else if (signal?.aborted) server.kill('abort');
  }
}

/** Whether a program of the sandbox (not QEMU) is missing or failed. */
const lacksSandbox = ({ code, killedFor, stderr }: ChildEnd): boolean =>
  (code === null && killedFor === null && /ENOENT/.test(stderr)) ||
  /^(bwrap|prlimit|setpriv): /m.test(stderr);

// In JSON syntax, so that no part of a file name is parsed as a protocol.
const rawDisk = (file: JsonObject): string => `json:${JSON.stringify({ driver: 'raw', file })}`;
const rawFile = (path: string): string => rawDisk({ driver: 'file', filename: path });
const nbdDisk = (path: string): string =>
  rawDisk({ driver: 'nbd', server: { type: 'unix', path } });

const full = /No space left|NFS3ERR_NOSPC|NFS3ERR_DQUOT|Disk quota/;
const unreadable =
  /Image is not in|Could not read.*header|Unknown file format|Invalid (image|footer)|not in .* format/;

// Classifies a failure by messages of libnfs and QEMU, which have no error codes.
function kindOf(words: string): [FaultKind, string] {
  if (full.test(words)) return ['overQuota', 'there is no room left on the storage.'];
  if (/No such file|NFS3ERR_NOENT/.test(words)) return ['notFound', 'an image is missing.'];
  if (unreadable.test(words)) return ['badRequest', 'an image cannot be read.'];
  return ['unavailable', 'the storage does not answer.'];
}

// qemu-img with deadlines, its refusals as faults. Arguments are an array: no shell ever sees them.
import { execFile } from 'node:child_process';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';

export interface ImageFacts {
  format: string;
  virtualBytes: number;
  /** It refers to other files: never trusted in what a tenant sends. */
  refersElsewhere: boolean;
}

const maxOutputBytes = 1024 * 1024;

/** notFound, overQuota (no space), unavailable (the share does not answer), timeout, badRequest: qemu-img cannot read it. */
export async function qemuImg(args: readonly string[], timeoutMs: number): Promise<Outcome<string>> {
  return await new Promise((resolve) => {
    execFile('qemu-img', [...args], { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: maxOutputBytes, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const words = `qemu-img ${args[0]}: ${stderr.trim().split('\n').slice(-3).join(' | ') || error.message}`;
      if (error.killed) return resolve(fault('timeout', `${words} (ended after ${timeoutMs / 1000} s)`));
      resolve(fault(kindOf(words), words));
    });
  });
}

// What libnfs and QEMU say; they have no codes.
function kindOf(words: string): 'notFound' | 'overQuota' | 'unavailable' | 'badRequest' {
  if (/No space left|NFS3ERR_NOSPC|NFS3ERR_DQUOT|Disk quota/.test(words)) return 'overQuota';
  if (/No such file|NFS3ERR_NOENT/.test(words)) return 'notFound';
  if (/Image is not in|Could not read.*header|Unknown file format|Invalid (image|footer)|not in .* format/.test(words)) return 'badRequest';
  return 'unavailable';
}

export async function imageFacts(path: string, format: string | undefined, timeoutMs: number): Promise<Outcome<ImageFacts>> {
  const text = await qemuImg(['info', '-U', '--output=json', ...(format === undefined ? [] : ['-f', format]), path], timeoutMs);
  if (isFault(text)) return text;
  const facts = JSON.parse(text) as { format: string; 'virtual-size': number; 'backing-filename'?: string; 'format-specific'?: { data?: { 'data-file'?: string; extents?: unknown[] } } }; // QEMU: ImageInfo
  const elsewhere = facts['backing-filename'] ?? facts['format-specific']?.data?.['data-file'];
  return { format: facts.format, virtualBytes: facts['virtual-size'], refersElsewhere: elsewhere !== undefined };
}

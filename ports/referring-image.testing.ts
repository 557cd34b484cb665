// A malicious image that names a file of this machine as its backing file. For tests of everything
// that must refuse such an image.
import { execFileSync } from 'node:child_process';

/**
 * Writes a qcow2 image of 1 MiB to `path` with `file` as its backing file; `file` need not exist.
 */
export function writeReferringImage(path: string, file: string): void {
  const options = ['-q', '-u', '-f', 'qcow2', '-F', 'raw', '-b', file];
  execFileSync('qemu-img', ['create', ...options, path, '1M']);
}

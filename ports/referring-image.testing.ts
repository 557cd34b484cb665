// An image that names a file of this machine as its backing file, as an attacker would upload it.
// For tests of everything that must refuse it.
import { execFileSync } from 'node:child_process';

/** Writes a qcow2 image of 1 MiB to `path`; `file` need not exist. */
export function writeReferringImage(path: string, file: string): void {
  const options = ['-q', '-u', '-f', 'qcow2', '-F', 'raw', '-b', file];
  execFileSync('qemu-img', ['create', ...options, path, '1M']);
}

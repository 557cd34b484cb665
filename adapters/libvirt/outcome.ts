// Turns expected failures of libvirt, the file system and child processes into Faults. Any other
// error is a bug and is rethrown.
import { fault, type FaultKind, type Outcome } from '#contracts/common/fault.ts';
import { ChildFailed } from './child-process.ts';
import { LibvirtDisconnected, LibvirtError, LibvirtTimeout } from './rpc/errors.ts';
import { ERROR } from './rpc/flags.ts';

const kindOfLibvirtCode = new Map<number, FaultKind>([
  [ERROR.noDomain, 'notFound'],
  [ERROR.operationInvalid, 'conflict'],
  [ERROR.operationTimeout, 'timeout'],
]);

/** Runs `work` and turns its expected failures into faults. Every method of the driver uses it. */
export async function asOutcome<T>(work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LibvirtError)
      return fault(
        kindOfLibvirtCode.get(error.code) ?? 'unavailable',
        `libvirt: ${error.message}`,
        { libvirtCode: String(error.code) },
      );
    if (error instanceof LibvirtTimeout) return fault('timeout', `libvirt: ${error.message}`);
    if (error instanceof LibvirtDisconnected)
      return fault('unavailable', `libvirt: ${error.message}`);
    if (error instanceof ChildFailed) return fault('unavailable', error.message);
    if (isSystemError(error)) return fault('unavailable', error.message, { errno: error.code });
    throw error;
  }
}

/**
 * Whether it is an error of the system (ENOSPC, EIO, EACCES and the like): a condition of the
 * machine, not a programming error.
 */
function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return (
    error instanceof Error &&
    'syscall' in error &&
    'code' in error &&
    typeof error.code === 'string'
  );
}

/** The value, or `absent` where the path does not exist. */
export async function unlessMissing<T, A>(work: Promise<T>, absent: A): Promise<T | A> {
  try {
    return await work;
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return absent;
    throw error;
  }
}

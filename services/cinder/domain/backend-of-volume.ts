// Finds a volume's backend among the configured ones. Pure.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { backendOf } from './pick-pool.ts';

/**
 * The backend on which the volume is placed. conflict: the volume was never placed, or its backend
 * is no longer configured.
 */
export function backendOfVolume<Backend>(
  backends: ReadonlyMap<string, Backend>,
  volume: { id: string; host: string | null },
): Outcome<Backend> {
  const name = volume.host === null ? undefined : backendOf(volume.host);
  const backend = name === undefined ? undefined : backends.get(name);
  return (
    backend ??
    fault(
      'conflict',
      `No backend has the volume ${volume.id}${name === undefined ? '' : `: there is none called ${name}`}.`,
    )
  );
}

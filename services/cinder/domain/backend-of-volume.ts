// Which backend a volume is on, and whether it is one of those configured. Pure.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { backendOf } from './pick-pool.ts';

/** conflict: it was never placed, or its backend is not configured any more. */
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

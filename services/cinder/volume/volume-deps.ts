// What every module of cinder-volume receives; role.ts creates it from the role's deps.
import type { CinderSchedulerRpc } from '#contracts/cinder/scheduler-rpc.ts';
import type { RpcClient } from '#platform/bus/contract.ts';
import type { VolumeBackend } from '#ports/volume-backend.ts';
import type { CinderDeps } from '../deps.ts';

export interface VolumeDeps extends CinderDeps {
  /** Backends by name, as in a type's `volume_backend_name`. At least one. */
  backends: ReadonlyMap<string, VolumeBackend>;
  /** For files of images in transit. No other process uses this folder. */
  spoolDir: string;
  scheduler: Pick<RpcClient<CinderSchedulerRpc>, 'call'>;
  /** Wakes the runner of this role's sagas to read the journal. */
  wakeSagas(): void;
}

// What every part of cinder-volume gets; role.ts makes it of the role's deps.
import type { CinderSchedulerRpc } from '#contracts/cinder/scheduler-rpc.ts';
import type { RpcClient } from '#platform/bus/contract.ts';
import type { VolumeBackend } from '#ports/volume-backend.ts';
import type { CinderDeps } from '../deps.ts';

export interface VolumeDeps extends CinderDeps {
  /** By name, as in a type's `volume_backend_name`. At least one. */
  backends: ReadonlyMap<string, VolumeBackend>;
  /** For images on their way: this process alone uses it. */
  spoolDir: string;
  scheduler: Pick<RpcClient<CinderSchedulerRpc>, 'call'>;
  /** Tells the runner of this role's sagas to look at the journal. */
  wakeSagas(): void;
}

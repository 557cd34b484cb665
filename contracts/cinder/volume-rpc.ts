// What the other roles of Cinder ask of cinder-volume, topic `cinder-volume`. Every process of the
// role has every backend of the cloud, so any of them may answer.
import type { VolumeConnection } from './volume-connection.ts';

export const cinderVolumeTopic = 'cinder-volume';

/** One backend, as it was found when it was asked. */
export interface BackendFigures {
  /** By name, as in a type's `volume_backend_name`. */
  backend: string;
  /** `<control host>@<backend>#<pool>`, as in `os-vol-host-attr:host`. */
  host: string;
  vendorName: string;
  driverVersion: string;
  storageProtocol: string;
  totalGib: number;
  freeGib: number;
  /** It told these figures now; else they are the last ones that this process heard. */
  answers: boolean;
}

/** Faults of all that name a volume: notFound, conflict (no such backend), those of the backend. */
export type CinderVolumeRpc = {
  /** Sagas may have been journalled: look. Sent as a cast; a lost one costs a scan period. */
  wakeSagas: { params: Record<string, never>; result: null };
  /**
   * Asks every backend, each for at most 10 s. One that has never answered this process is left
   * out.
   */
  backendFigures: { params: Record<string, never>; result: BackendFigures[] };
  /**
   * How a host reaches the volume now. Answers within 30 s: timeout when its backend does not.
   */
  connection: { params: { volumeId: string }; result: VolumeConnection };
  /**
   * Makes a placed volume on its backend, blank. Safe to repeat. For a saga that holds the volume's
   * lock.
   */
  createBlankVolume: { params: { volumeId: string }; result: null };
  /**
   * Removes what a failed creation left on the backend, if the volume is still being created. A
   * backend that is away is tried for some seconds; then it is left to the deletion of the volume.
   * Safe to repeat. For a saga that holds the volume's lock.
   */
  discardVolume: { params: { volumeId: string }; result: null };
};

// Calls of Cinder's other roles to cinder-volume, topic `cinder-volume`. Every process of the role
// has every backend of the cloud, so any of them may answer.
import type { VolumeConnection } from './volume-connection.ts';

export const cinderVolumeTopic = 'cinder-volume';

/** One backend with its figures at the time of the call. */
export interface BackendFigures {
  /** The backend's name, as in a type's `volume_backend_name`. */
  backend: string;
  /** `<control host>@<backend>#<pool>`, as in `os-vol-host-attr:host`. */
  host: string;
  vendorName: string;
  driverVersion: string;
  storageProtocol: string;
  totalGib: number;
  freeGib: number;
  /** Whether it answered now; otherwise these are the last figures that this process received. */
  answers: boolean;
}

/**
 * The calls by method. Faults of every call that names a volume: notFound, conflict (its backend is
 * not configured), and those of the backend.
 */
export type CinderVolumeRpc = {
  /**
   * Wakes the saga runner after an entry in the journal. Sent as a cast; if it is lost, the saga
   * starts one scan period later.
   */
  wakeSagas: { params: Record<string, never>; result: null };
  /**
   * Asks every backend, each for at most 10 s. A backend that has never answered this process is
   * left out.
   */
  backendFigures: { params: Record<string, never>; result: BackendFigures[] };
  /**
   * How a host reaches the volume at present. Answers within 30 s; timeout: its backend does not
   * answer.
   */
  connection: { params: { volumeId: string }; result: VolumeConnection };
  /**
   * Creates a placed volume on its backend, blank. Safe to repeat. For a saga that holds the
   * volume's lock.
   */
  createBlankVolume: { params: { volumeId: string }; result: null };
  /**
   * Removes what a failed creation left on the backend, if the volume is still being created. If
   * the backend does not answer, this is tried for some seconds, then left to the deletion of the
   * volume. Safe to repeat. For a saga that holds the volume's lock.
   */
  discardVolume: { params: { volumeId: string }; result: null };
};

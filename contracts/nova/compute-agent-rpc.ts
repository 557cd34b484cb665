// Conductor (and API) -> Nova Agent, topic `compute.<host>`. Every call is safe to repeat. An agent
// that is not there: unavailable.
import type { VolumeConnection } from '../cinder/volume-connection.ts';
import type {
  HostFacts,
  GuestDiagnostics,
  GuestNic,
  GuestSpec,
  GuestState,
  GuestVolume,
} from './guest.ts';

export const computeTopic = (host: string): string => `compute.${host}`;

/**
 * Faults: as the hypervisor port's method of the same name; `unavailable` also while the agent
 * starts.
 */
export type ComputeAgentRpc = {
  /** Images into the cache, then disks, domain, start. A guest that runs already is left alone. */
  buildGuest: { params: { spec: GuestSpec }; result: null };
  /**
   * The server is being deleted: a build, rebuild or rescue of it that still fetches images ends
   * with a fault. None is fine.
   */
  abandonBuild: { params: { uuid: string }; result: null };
  /** Root disk made anew; started unless `start` is false. */
  rebuildGuest: { params: { spec: GuestSpec; start: boolean }; result: null };
  startGuest: { params: { uuid: string }; result: null };
  /** Asks politely for `timeoutMs`, then pulls the plug. */
  stopGuest: { params: { uuid: string; timeoutMs: number }; result: null };
  rebootGuest: { params: { uuid: string; kind: 'soft' | 'hard'; timeoutMs: number }; result: null };
  pauseGuest: { params: { uuid: string }; result: null };
  unpauseGuest: { params: { uuid: string }; result: null };
  suspendGuest: { params: { uuid: string }; result: null };
  resumeGuest: { params: { uuid: string }; result: null };
  rescueGuest: { params: { uuid: string; spec: GuestSpec }; result: null };
  unrescueGuest: { params: { uuid: string }; result: null };
  /** Gone with its disks; one that is not there is fine. */
  destroyGuest: { params: { uuid: string }; result: null };
  /** Plugged now and at every later start; one that is there already is fine. */
  attachNic: { params: { uuid: string; nic: GuestNic }; result: null };
  /** One that is not there is fine. */
  detachNic: { params: { uuid: string; portId: string }; result: null };
  /** Plugged now and at every later start; one that is there already is fine. */
  attachVolume: { params: { uuid: string; volume: GuestVolume }; result: null };
  /** One that is not there is fine, and so is a guest that is not there. */
  detachVolume: { params: { uuid: string; volumeId: string }; result: null };
  resizeVolume: { params: { uuid: string; volumeId: string; sizeGib: number }; result: null };
  snapshotVolume: {
    params: { uuid: string; volumeId: string; next: VolumeConnection };
    result: null;
  };
  /**
   * Copies the root disk and uploads it, as qcow2, as the data of `imageId`, which Glance knows as
   * queued. Uploaded already is fine.
   */
  uploadRoot: { params: { uuid: string; imageId: string }; result: null };
  pciAddresses: { params: { uuid: string }; result: { addresses: Record<string, string> } };
  guestState: { params: { uuid: string }; result: { state: GuestState } };
  consoleLog: { params: { uuid: string; maxBytes: number }; result: { text: string } };
  vncConsole: { params: { uuid: string }; result: { socketPath: string } };
  diagnostics: { params: { uuid: string }; result: { diagnostics: GuestDiagnostics } };
  facts: { params: Record<string, never>; result: { facts: HostFacts } };
};

// Calls of conductor and API to a Nova Agent, topic `compute.<host>`. Every call is safe to repeat.
// Without an agent: unavailable.
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
 * Faults: those of the hypervisor port's method with the same name; `unavailable` also while the
 * agent starts.
 */
export type ComputeAgentRpc = {
  /**
   * Brings the images into the cache, then creates disks and domain and starts it. A running guest
   * is left alone.
   */
  buildGuest: { params: { spec: GuestSpec }; result: null };
  /**
   * The server is being deleted: a build, rebuild or rescue of it that is still downloading images
   * ends with a fault. Does nothing if there is none.
   */
  abandonBuild: { params: { uuid: string }; result: null };
  /** Recreates the root disk; starts the guest unless `start` is false. */
  rebuildGuest: { params: { spec: GuestSpec; start: boolean }; result: null };
  startGuest: { params: { uuid: string }; result: null };
  /** Asks for a shutdown by ACPI for `timeoutMs`, then cuts the power. */
  stopGuest: { params: { uuid: string; timeoutMs: number }; result: null };
  rebootGuest: { params: { uuid: string; kind: 'soft' | 'hard'; timeoutMs: number }; result: null };
  pauseGuest: { params: { uuid: string }; result: null };
  unpauseGuest: { params: { uuid: string }; result: null };
  suspendGuest: { params: { uuid: string }; result: null };
  resumeGuest: { params: { uuid: string }; result: null };
  rescueGuest: { params: { uuid: string; spec: GuestSpec }; result: null };
  unrescueGuest: { params: { uuid: string }; result: null };
  /** Removes the guest with its disks; does nothing if it does not exist. */
  destroyGuest: { params: { uuid: string }; result: null };
  /** Attaches it now and at every later start; does nothing if it is attached. */
  attachNic: { params: { uuid: string; nic: GuestNic }; result: null };
  /** Does nothing if it is not attached. */
  detachNic: { params: { uuid: string; portId: string }; result: null };
  /** Attaches it now and at every later start; does nothing if it is attached. */
  attachVolume: { params: { uuid: string; volume: GuestVolume }; result: null };
  /** Does nothing if the volume is not attached or the guest does not exist. */
  detachVolume: { params: { uuid: string; volumeId: string }; result: null };
  resizeVolume: { params: { uuid: string; volumeId: string; sizeGib: number }; result: null };
  snapshotVolume: {
    params: { uuid: string; volumeId: string; next: VolumeConnection };
    result: null;
  };
  /**
   * Copies the root disk and uploads it, as qcow2, as the data of `imageId`, which is `queued` in
   * Glance. Does nothing if it has its data.
   */
  uploadRoot: { params: { uuid: string; imageId: string }; result: null };
  pciAddresses: { params: { uuid: string }; result: { addresses: Record<string, string> } };
  guestState: { params: { uuid: string }; result: { state: GuestState } };
  consoleLog: { params: { uuid: string; maxBytes: number }; result: { text: string } };
  vncConsole: { params: { uuid: string }; result: { socketPath: string } };
  diagnostics: { params: { uuid: string }; result: { diagnostics: GuestDiagnostics } };
  facts: { params: Record<string, never>; result: { facts: HostFacts } };
};

// What an emulated BMC switches and tells of: the host that belongs to it. Given by compose, which
// knows how a host is kept on.
import type { Outcome } from '#contracts/common/fault.ts';

export interface ChassisFacts {
  model: string;
  processorModel: string;
  /** What is the host's, where several share a machine. */
  processors: number;
  memoryGib: number;
  interfaces: readonly { id: string; macAddress: string }[];
}

export interface ChassisState {
  /** Names the host's present boot; null: nothing of it runs. */
  boot: string | null;
  /** It has come up. */
  isReady: boolean;
  /** It was switched off, and stays so until `switchOn`. */
  isKeptOff: boolean;
}

export interface Chassis {
  facts(): Promise<ChassisFacts>;
  state(): Promise<Outcome<ChassisState>>;
  /**
   * Cuts the power; the host then stays off, over restarts of the cloud, until `switchOn`. Resolves
   * when nothing of it runs. Safe to repeat, and for a host that is off.
   */
  cutPower(): Promise<Outcome<void>>;
  /**
   * Lets its guests and then the host end; it stays off as after `cutPower`. Aborted: another order
   * has taken its place, and nothing more is done.
   */
  shutDown(signal: AbortSignal): Promise<Outcome<void>>;
  /** Resolves when it is ready. Safe to repeat. */
  switchOn(): Promise<Outcome<void>>;
}

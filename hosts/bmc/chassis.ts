// The host as its emulated BMC controls it: power on and off, facts. Implemented by compose, which
// knows how a host is kept running.
import type { Outcome } from '#contracts/common/fault.ts';

export interface ChassisFacts {
  model: string;
  processorModel: string;
  /** This host's share of the machine's CPUs, where several hosts share a machine. */
  processors: number;
  /** This host's share of the machine's memory, likewise. */
  memoryGib: number;
  interfaces: readonly { id: string; macAddress: string }[];
}

export interface ChassisState {
  /** Identifies the host's present boot; null: no process of the host runs. */
  boot: string | null;
  /** The host has finished booting. */
  isReady: boolean;
  /** The host was switched off, and stays off until `switchOn`. */
  isKeptOff: boolean;
}

export interface Chassis {
  facts(): Promise<ChassisFacts>;
  state(): Promise<Outcome<ChassisState>>;
  /**
   * Cuts the power. Resolves when no process of the host runs; the host then stays off until
   * `switchOn`, also across restarts of the cloud. Safe to repeat, also for a host that is off.
   */
  cutPower(): Promise<Outcome<void>>;
  /**
   * Shuts down the guests and then the host, which then stays off as after `cutPower`. When
   * aborted, another order has replaced this one, and nothing more is done.
   */
  shutDown(signal: AbortSignal): Promise<Outcome<void>>;
  /** Powers the host on; resolves when it has booted. Safe to repeat. */
  switchOn(): Promise<Outcome<void>>;
}

// What the cloud needs of a host's baseboard management controller (BMC), the small computer that
// switches the host on and off without the host's help. Drivers: adapters/redfish, adapters/sim.
// Contract suite: bmc.testing.ts. Terms and states are those of DMTF's Redfish (DSP0266, schemas
// ComputerSystem, Manager, Chassis, LogEntry).
import type { Outcome } from '#contracts/common/fault.ts';

/**
 * Of the chassis, not of what runs on it. `PoweringOn`, `PoweringOff`: an order is being carried
 * out. Only `Off` proves that nothing of the host runs.
 */
export type PowerState = 'On' | 'Off' | 'PoweringOn' | 'PoweringOff';

/**
 * Redfish's ResetType. `ForceOff` cuts the power and never waits for the host; `GracefulShutdown`
 * asks its operating system, which may never do it; `ForceRestart` is `ForceOff` and `On`.
 */
export type PowerAction = 'On' | 'ForceOff' | 'GracefulShutdown' | 'ForceRestart';

export type BootTarget = 'None' | 'Pxe' | 'Hdd' | 'Cd' | 'UefiHttp' | 'BiosSetup';

/** `Once`: the BMC clears it when the host boots next. `Disabled`: with target `None`. */
export interface BootOverride {
  enabled: 'Disabled' | 'Once' | 'Continuous';
  target: BootTarget;
}

/** Empty where the BMC does not say. */
export interface BmcInventory {
  /** The host's own UUID (SMBIOS), in lower case. */
  uuid: string;
  manufacturer: string;
  model: string;
  serialNumber: string;
  biosVersion: string;
  /** Of the BMC itself. */
  firmwareVersion: string;
  memoryGib: number | null;
  processors: { count: number | null; model: string };
  interfaces: { id: string; macAddress: string }[];
}

export interface SensorReading {
  name: string;
  kind: 'temperature' | 'fan' | 'power' | 'voltage';
  /** °C, RPM or percent, W, V. null: there is none now, e.g. while the host is off. */
  value: number | null;
  unit: 'Cel' | 'RPM' | 'Percent' | 'W' | 'V';
  health: 'OK' | 'Warning' | 'Critical';
}

/** An entry of the BMC's log. */
export interface BmcEvent {
  /** The BMC's own; unique in its log. */
  id: string;
  /** By the BMC's clock, which may be wrong, since the epoch; null: it does not say. */
  atMs: number | null;
  severity: 'OK' | 'Warning' | 'Critical';
  message: string;
  /** Key of the message in a registry, e.g. `Power.1.0.PoweredOff`; empty: none. */
  messageId: string;
}

/** A receiver to which the BMC sends its events by HTTP. */
export interface EventReceiver {
  /** http or https. */
  url: string;
  /** Sent with each event. With the URL it names the subscription. */
  context: string;
}

/**
 * One host's BMC. Every call has a deadline of its own, and what is safe to repeat is repeated
 * within it. No fault and no log line has a password or a session's token in it.
 *
 * Faults of every call: unavailable (not reached, broken off, an error of the BMC, an answer that
 * makes no sense or is too long), timeout, forbidden (wrong user or password; not tried again
 * within the call, as BMCs lock accounts), notImplemented (this BMC cannot do that).
 */
export interface Bmc {
  /** What the BMC says now. */
  powerState(): Promise<Outcome<PowerState>>;
  /**
   * Resolves when the BMC took the order, not when it is carried out: `powerState` tells that.
   *
   * `ForceOff` of a chassis that is off and `On` of one that is on, or powering on, are successes,
   * whatever the BMC decides, and these two are safe to repeat. Order `ForceOff` also where
   * `powerState` says `Off`: a chassis that lost its power may start by itself when it returns, one
   * that was ordered off does not. `GracefulShutdown` and `ForceRestart` are sent once; after
   * timeout or unavailable they may have been taken. conflict: another order is being carried out,
   * or the state does not allow this one.
   */
  power(action: PowerAction): Promise<Outcome<void>>;

  bootOverride(): Promise<Outcome<BootOverride>>;
  /** For the next boots; does not boot. Safe to repeat. badRequest: no such target here. */
  overrideBoot(override: BootOverride): Promise<Outcome<void>>;

  inventory(): Promise<Outcome<BmcInventory>>;
  /** All that the chassis has. */
  sensors(): Promise<Outcome<SensorReading[]>>;
  /** The newest entries of the BMC's log, at most 1,000, oldest first. */
  events(): Promise<Outcome<BmcEvent[]>>;
  /** Does nothing if the receiver has a subscription already. */
  subscribe(receiver: EventReceiver): Promise<Outcome<void>>;
  /** Does nothing if there is none. */
  unsubscribe(receiver: EventReceiver): Promise<Outcome<void>>;

  /** Ends sessions and connections. Calls after it are faults. Safe to repeat. */
  close(): Promise<void>;
}

/** The BMC of each host; undefined: the host has none. */
export interface BmcDirectory {
  bmcOf(host: string): Bmc | undefined;
}

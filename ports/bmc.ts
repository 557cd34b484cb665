// What the cloud needs of a host's baseboard management controller (BMC), the small computer that
// switches the host on and off without the host's help. Drivers: adapters/redfish, adapters/sim.
// Contract suite: bmc.testing.ts. Terms and states are those of DMTF's Redfish (DSP0266, schemas
// ComputerSystem, Manager, Chassis, LogEntry).
import type { Outcome } from '#contracts/common/fault.ts';

/**
 * Power state of the chassis, not of the operating system. `PoweringOn`, `PoweringOff`: an order is
 * being carried out. Only `Off` proves that nothing runs on the host.
 */
export type PowerState = 'On' | 'Off' | 'PoweringOn' | 'PoweringOff';

/**
 * Redfish's ResetType. `ForceOff` cuts the power and never waits for the host; `GracefulShutdown`
 * asks its operating system, which may never do it; `ForceRestart` is `ForceOff` and `On`.
 */
export type PowerAction = 'On' | 'ForceOff' | 'GracefulShutdown' | 'ForceRestart';

export type BootTarget = 'None' | 'Pxe' | 'Hdd' | 'Cd' | 'UefiHttp' | 'BiosSetup';

/**
 * An override of the boot target. `Once`: the BMC clears it when the host boots next. `Disabled`:
 * with target `None`.
 */
export interface BootOverride {
  enabled: 'Disabled' | 'Once' | 'Continuous';
  target: BootTarget;
}

/** Inventory of the host; fields are empty where the BMC does not report them. */
export interface BmcInventory {
  /** The host's own UUID (SMBIOS), in lower case. */
  uuid: string;
  manufacturer: string;
  model: string;
  serialNumber: string;
  biosVersion: string;
  /** Firmware of the BMC itself. */
  firmwareVersion: string;
  memoryGib: number | null;
  processors: { count: number | null; model: string };
  interfaces: { id: string; macAddress: string }[];
}

export interface SensorReading {
  name: string;
  kind: 'temperature' | 'fan' | 'power' | 'voltage';
  /** °C, RPM or percent, W, V; null: no reading now, e.g. while the host is off. */
  value: number | null;
  unit: 'Cel' | 'RPM' | 'Percent' | 'W' | 'V';
  health: 'OK' | 'Warning' | 'Critical';
}

/** An entry of the BMC's log. */
export interface BmcEvent {
  /** The BMC's own id of the entry; unique in its log. */
  id: string;
  /**
   * Milliseconds since the epoch by the BMC's clock, which may be wrong; null: the BMC gives no
   * time.
   */
  atMs: number | null;
  severity: 'OK' | 'Warning' | 'Critical';
  message: string;
  /** Key of the message in a Redfish registry, e.g. `Power.1.0.PoweredOff`; empty if none. */
  messageId: string;
}

/** A receiver to which the BMC sends its events by HTTP. */
export interface EventReceiver {
  /** http or https. */
  url: string;
  /** Sent along with each event. URL and context together identify the subscription. */
  context: string;
}

/**
 * One host's BMC. Every call has its own deadline, and idempotent requests are retried within it.
 * Faults and log lines contain no password and no session token.
 *
 * Faults of every call: unavailable (not reached, connection broken, an error of the BMC, an
 * invalid or too long answer), timeout, forbidden (wrong user or password; not retried within the
 * call, since BMCs lock accounts), notImplemented (this BMC lacks the function).
 */
export interface Bmc {
  /** Reads the present power state from the BMC. */
  powerState(): Promise<Outcome<PowerState>>;
  /**
   * Sends a power order. Resolves when the BMC has accepted it, not when it is carried out: poll
   * `powerState`.
   *
   * `ForceOff` of a chassis that is off, and `On` of one that is on or powering on, succeed
   * whatever the BMC answers; both are safe to repeat. Send `ForceOff` even when `powerState` says
   * `Off`: a chassis that lost its mains power may start by itself when the power returns, one that
   * was ordered off does not. `GracefulShutdown` and `ForceRestart` are sent once; after timeout or
   * unavailable the BMC may have accepted them. conflict: another order is being carried out, or
   * the present state does not allow this one.
   */
  power(action: PowerAction): Promise<Outcome<void>>;

  bootOverride(): Promise<Outcome<BootOverride>>;
  /**
   * Sets the boot target of the next boot or boots; does not boot. Safe to repeat. badRequest: the
   * BMC has no such target.
   */
  overrideBoot(override: BootOverride): Promise<Outcome<void>>;

  inventory(): Promise<Outcome<BmcInventory>>;
  /** All sensors of the chassis. */
  sensors(): Promise<Outcome<SensorReading[]>>;
  /** The newest entries of the BMC's log, at most 1,000, oldest first. */
  events(): Promise<Outcome<BmcEvent[]>>;
  /** Subscribes the receiver to the BMC's events; does nothing if it is subscribed already. */
  subscribe(receiver: EventReceiver): Promise<Outcome<void>>;
  /** Ends the receiver's subscription; does nothing if there is none. */
  unsubscribe(receiver: EventReceiver): Promise<Outcome<void>>;

  /** Closes sessions and connections; later calls return a fault. Safe to repeat. */
  close(): Promise<void>;
}

/** The BMC of each host; undefined: the host has none. */
export interface BmcDirectory {
  bmcOf(host: string): Bmc | undefined;
}

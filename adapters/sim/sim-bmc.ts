// The simulated driver of ports/bmc.ts: powers a simulated host on and off. Power off ends the
// host's guests, and its hypervisor driver answers nothing until power on.
import { createHash } from 'node:crypto';
import { fault } from '#contracts/common/fault.ts';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type {
  Bmc,
  BmcEvent,
  BmcInventory,
  BootOverride,
  EventReceiver,
  PowerAction,
  PowerState,
  SensorReading,
} from '#ports/bmc.ts';
import { chassisOf, endGuests, isOff } from './sim-chassis.ts';
import { SimTroubles } from './sim-trouble.ts';
import type { Trouble } from './sim-trouble.ts';
import type { SimChassis, SimHost, SimStore } from './sim-world.ts';

export interface SimBmcDeps {
  /** The store of the host's hypervisor driver; both must share it. */
  store: SimStore;
  clock: Clock;
  /** How long an order takes; 0: it is carried out when the call ends. */
  orderMs?: number;
  /** Sends an event to a subscriber. */
  deliver?: (receiver: EventReceiver, event: BmcEvent) => void;
  /** Called after the host has started or ended. */
  onPower?: (isOn: boolean) => void;
}

export interface SimBmc extends Bmc {
  /** Injects a failure into the next call of `method`. */
  trouble(method: keyof Bmc, trouble: Trouble): void;
  clearTroubles(): void;
  /** Every call returns this fault, until `breakDown(undefined)`. */
  breakDown(reason: Fault | undefined): void;
  isOn(): boolean;
  /** The host loses its power, or dies, without an order. */
  hostDies(): void;
  /** The host starts by itself, unless it was ordered off. */
  hostReturns(): void;
}

const maxLogEntries = 1_000;
const noOverride: BootOverride = { enabled: 'Disabled', target: 'None' };

export function createSimBmc(hostname: string, deps: SimBmcDeps): SimBmc {
  return new SimDriver(hostname, deps);
}

class SimDriver implements SimBmc {
  readonly #hostname: string;
  readonly #deps: SimBmcDeps;
  readonly #host: SimHost;
  readonly #chassis: SimChassis;
  readonly #troubles: SimTroubles;
  /** The order that is being carried out. */
  #underWay: 'PoweringOn' | 'PoweringOff' | undefined;
  #orders = 0;
  #outage: Fault | undefined;

  constructor(hostname: string, deps: SimBmcDeps) {
    this.#hostname = hostname;
    this.#deps = deps;
    this.#host = deps.store.load(hostname);
    this.#chassis = chassisOf(this.#host);
    this.#troubles = new SimTroubles(deps.clock, () => this.#outage);
  }

  powerState() {
    return this.#troubles.around<PowerState>('powerState', () => this.#state());
  }

  power(action: PowerAction) {
    return this.#troubles.around<void>('power', () => this.#order(action));
  }

  bootOverride() {
    return this.#troubles.around('bootOverride', () => ({ ...this.#chassis.bootOverride }));
  }
  overrideBoot(override: BootOverride) {
    return this.#troubles.around<void>('overrideBoot', () => {
      this.#chassis.bootOverride = { ...override };
      this.#save();
    });
  }

  inventory() {
    return this.#troubles.around<BmcInventory>('inventory', () => ({
      uuid: uuidOf(this.#hostname),
      manufacturer: 'CobaltCore',
      model: 'simulated host',
      serialNumber: this.#hostname,
      biosVersion: '',
      firmwareVersion: '',
      memoryGib: null,
      processors: { count: null, model: '' },
      interfaces: [],
    }));
  }
  sensors() {
    return this.#troubles.around<SensorReading[]>('sensors', () => [
      { name: 'Inlet', kind: 'temperature', value: 21, unit: 'Cel', health: 'OK' },
      { name: 'Input', kind: 'power', value: isOff(this.#host) ? 0 : 250, unit: 'W', health: 'OK' },
    ]);
  }
  events() {
    return this.#troubles.around('events', () => this.#chassis.log.map((entry) => ({ ...entry })));
  }

  subscribe(receiver: EventReceiver) {
    return this.#troubles.around<void>('subscribe', () => {
      if (this.#chassis.receivers.some((known) => isSame(known, receiver))) return;
      this.#chassis.receivers.push({ ...receiver });
      this.#save();
    });
  }
  unsubscribe(receiver: EventReceiver) {
    return this.#troubles.around<void>('unsubscribe', () => {
      this.#chassis.receivers = this.#chassis.receivers.filter((known) => !isSame(known, receiver));
      this.#save();
    });
  }

  async close(): Promise<void> {
    this.#outage = fault('unavailable', `the connection to the BMC of ${this.#hostname} is closed`);
  }

  trouble(method: keyof Bmc, trouble: Trouble): void {
    this.#troubles.add(method, trouble);
  }
  clearTroubles(): void {
    this.#troubles.clear();
  }
  breakDown(reason: Fault | undefined): void {
    this.#outage = reason;
  }

  isOn(): boolean {
    return !isOff(this.#host);
  }
  hostDies(): void {
    if (isOff(this.#host)) return;
    this.#chassis.isDead = true;
    this.#end('the host lost its power', 'Critical');
  }
  hostReturns(): void {
    this.#chassis.isDead = false;
    if (this.#chassis.isOrderedOff) this.#save();
    else this.#begin();
  }

  #state(): PowerState {
    return this.#underWay ?? (isOff(this.#host) ? 'Off' : 'On');
  }

  #order(action: PowerAction): Outcome<void> {
    const state = this.#state();
    // A power cut never waits: it replaces the order in progress.
    if (this.#underWay !== undefined && action !== 'ForceOff')
      return fault('conflict', `the BMC of ${this.#hostname} is ${state}`);
    switch (action) {
      case 'On':
        return state === 'On' ? undefined : this.#carryOut('PoweringOn', () => this.#switchOn());
      case 'ForceOff':
      case 'GracefulShutdown':
        if (action === 'GracefulShutdown' && state === 'Off') return this.#isOffFault(action);
        return this.#carryOut('PoweringOff', () => this.#switchOff());
      case 'ForceRestart':
        if (state === 'Off') return this.#isOffFault(action);
        return this.#carryOut('PoweringOff', () => {
          this.#switchOff();
          this.#switchOn();
        });
    }
  }

  #isOffFault = (action: PowerAction): Fault =>
    fault('conflict', `host ${this.#hostname} is off: no ${action}`);

  #carryOut(meanwhile: 'PoweringOn' | 'PoweringOff', order: () => void): void {
    const { orderMs = 0, clock } = this.#deps;
    if (orderMs === 0) return order();
    this.#underWay = meanwhile;
    const mine = (this.#orders += 1);
    clock.after(orderMs, () => {
      if (mine !== this.#orders) return; // replaced by a power cut
      this.#underWay = undefined;
      order();
    });
  }

  #switchOff(): void {
    const wasOn = !isOff(this.#host);
    this.#chassis.isOrderedOff = true;
    if (wasOn) this.#end('the host was powered off', 'OK');
    else this.#save();
  }

  #switchOn(): void {
    this.#chassis.isOrderedOff = false;
    this.#chassis.isDead = false;
    this.#begin();
  }

  #begin(): void {
    const { bootOverride } = this.#chassis;
    this.#chassis.boots += 1;
    if (bootOverride.enabled === 'Once') this.#chassis.bootOverride = { ...noOverride };
    this.#note('the host was powered on', 'OK');
    this.#deps.onPower?.(true);
  }

  #end(message: string, severity: BmcEvent['severity']): void {
    endGuests(this.#host);
    this.#note(message, severity);
    this.#deps.onPower?.(false);
  }

  #note(message: string, severity: BmcEvent['severity']): void {
    const { log, receivers } = this.#chassis;
    const id = String(Number(log.at(-1)?.id ?? 0) + 1);
    const entry = { id, atMs: this.#deps.clock.now(), severity, message, messageId: '' };
    log.push(entry);
    if (log.length > maxLogEntries) log.shift();
    this.#save();
    for (const receiver of receivers) this.#deps.deliver?.(receiver, entry);
  }

  #save(): void {
    this.#deps.store.save(this.#hostname, this.#host);
  }
}

const isSame = (a: EventReceiver, b: EventReceiver): boolean =>
  a.url === b.url && a.context === b.context;

/** A UUID derived from the name: the same in each life of the host. */
function uuidOf(hostname: string): string {
  const hex = createHash('sha256').update(hostname).digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join('-');
}

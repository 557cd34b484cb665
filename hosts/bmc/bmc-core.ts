// An emulated BMC without its HTTP interface: stored state, power orders, detection of the host's
// boots, event log and subscribers. Created by emulated-bmc.ts; used by redfish-handler.ts and
// redfish-changes.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import { readState, writeState } from './bmc-files.ts';
import type { BmcState, LogRecord, Subscription } from './bmc-files.ts';
import { orderedTrouble } from './bmc-trouble.ts';
import type { BmcTrouble } from './bmc-trouble.ts';
import type { Chassis, ChassisFacts } from './chassis.ts';
import { createEventSender } from './event-sender.ts';
import { createPowerOrders } from './power-orders.ts';
import type { PowerOrders, PowerTiming } from './power-orders.ts';
import type { Snapshot } from './redfish-documents.ts';
import { pathsOf } from './redfish-documents.ts';
import type { VendorProfile } from './vendor-profiles.ts';

export interface BmcCoreOptions {
  host: string;
  /** Folder for state, password and certificate; no other process writes to it. */
  folder: string;
  version: string;
  profile: VendorProfile;
  timing: PowerTiming;
  orderMs: number;
}

export interface BmcCoreDeps {
  chassis: Chassis;
  clock: Clock;
  ids: Ids;
  log: Log;
}

export interface BmcCore {
  readonly state: BmcState;
  readonly orders: PowerOrders;
  snapshot(): Promise<Outcome<Omit<Snapshot, 'sessions'>>>;
  /** Changes the state; resolves when it is stored. */
  change(apply: (state: BmcState) => void): Promise<void>;
  /** Adds a subscription. conflict: the BMC holds no more. */
  subscribe(destination: string, context: string): Promise<Outcome<Subscription>>;
  trouble(): BmcTrouble | undefined;
  close(): Promise<void>;
}

const noticeEveryMs = 1_000;
const [maxLogRecords, maxSubscriptions] = [1_000, 8];

export async function createBmcCore(options: BmcCoreOptions, deps: BmcCoreDeps): Promise<BmcCore> {
  const { host, folder, version, profile, timing, orderMs } = options;
  const { chassis, clock, log } = deps;
  const state = await readState(folder, host, deps.ids);
  const sender = createEventSender({ clock, log });
  let writing: Promise<void> = Promise.resolve();
  let noticing: Promise<void> = Promise.resolve();

  const change: BmcCore['change'] = async (apply) => {
    apply(state);
    writing = writing.catch(() => undefined).then(async () => await writeState(folder, state));
    await writing;
  };

  const trouble = (): BmcTrouble | undefined => {
    const ordered = orderedTrouble(folder);
    if (!isFault(ordered)) return ordered;
    log.warn({ reason: ordered.message }, 'the ordered trouble is ignored');
    return undefined;
  };

  function record(severity: LogRecord['severity'], message: string, messageId: string): void {
    const entry = { id: state.nextId++, atMs: clock.now(), severity, message, messageId };
    state.log.push(entry);
    if (state.log.length > maxLogRecords) state.log.shift();
    log.info({ host, entry: message }, 'entry in the log of a BMC');
    for (const { destination, context } of state.subscriptions)
      sender.send(
        { url: destination, context },
        { ...entry, id: String(entry.id), origin: pathsOf(profile).system },
      );
  }

  /**
   * Compares the host with its state at the last look, to notice also boots that nobody ordered.
   */
  async function lookAtHost(): Promise<void> {
    const chassisState = await chassis.state();
    if (isFault(chassisState) || chassisState.boot === state.lastBoot) return;
    await change(() => {
      if (state.lastBoot !== null) {
        if (chassisState.isKeptOff)
          record('OK', 'The host was powered off.', 'Power.1.0.PoweredOff');
        else record('Critical', 'The host ended.', 'Power.1.0.UnexpectedPowerLoss');
      }
      if (chassisState.boot !== null) {
        state.bootedFrom = state.boot.target;
        if (state.boot.enabled === 'Once') state.boot = { enabled: 'Disabled', target: 'None' };
        record('OK', 'The host was powered on.', 'Power.1.0.PoweredOn');
      }
      state.lastBoot = chassisState.boot;
    });
  }
  const notice = async (): Promise<void> => {
    noticing = noticing
      .then(lookAtHost)
      .catch((error: unknown) => log.error({ err: error }, 'the BMC cannot look at its host'));
    await noticing;
  };

  /**
   * Cached for each boot: the facts change only with a boot, and reading them starts a child
   * process.
   */
  let cachedFacts: { boot: string | null; facts: Promise<ChassisFacts> } | undefined;
  async function factsOfBoot(): Promise<ChassisFacts> {
    if (cachedFacts?.boot !== state.lastBoot) cachedFacts = undefined;
    cachedFacts ??= { boot: state.lastBoot, facts: chassis.facts() };
    const mine = cachedFacts;
    return await mine.facts.catch((error: unknown) => {
      if (cachedFacts === mine) cachedFacts = undefined;
      throw error;
    });
  }

  const orders = createPowerOrders({
    chassis,
    clock,
    log,
    timing,
    orderMs,
    trouble,
    onOrder: () => void notice(),
  });
  const looking = clock.every(noticeEveryMs, notice, {
    atOnce: true,
    onError: (error) => log.error({ err: error }, 'the BMC cannot look at its host'),
  });

  return {
    state,
    orders,
    change,
    trouble,
    async snapshot() {
      await noticing; // first, so that the log agrees with the power state
      const power = await orders.state();
      if (isFault(power)) return power;
      const facts = await factsOfBoot();
      return {
        host,
        version,
        profile,
        state,
        facts,
        power,
        tasks: orders.tasks(),
        nowMs: clock.now(),
      };
    },
    async subscribe(destination, context) {
      if (state.subscriptions.length >= maxSubscriptions)
        return fault('conflict', `there are ${maxSubscriptions} subscriptions already`);
      const subscription = { id: state.nextId++, destination, context };
      await change(() => void state.subscriptions.push(subscription));
      return subscription;
    },
    async close() {
      await looking.stop();
      await orders.close();
      await noticing;
      await sender.close();
      await writing.catch(() => undefined);
    },
  };
}

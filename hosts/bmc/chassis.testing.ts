// A chassis without a real host, for tests: records what the BMC orders, and can die or start by
// itself.
import type { Chassis } from './chassis.ts';

export interface TestChassis extends Chassis {
  readonly boots: number;
  readonly runs: boolean;
  /** The host ends without an order. */
  die(): void;
  /** The host starts by itself, unless it is kept off. */
  mayReturn(): void;
}

export function createTestChassis(): TestChassis {
  let [boots, runs, isKeptOff] = [1, true, false];
  return {
    get boots() {
      return boots;
    },
    get runs() {
      return runs;
    },
    die: () => void (runs = false),
    mayReturn() {
      if (isKeptOff || runs) return;
      runs = true;
      boots += 1;
    },
    facts: async () => ({
      model: 'a host of a test',
      processorModel: 'none',
      processors: 2,
      memoryGib: 4,
      interfaces: [{ id: 'mgmt0', macAddress: '0a:00:00:00:00:01' }],
    }),
    state: async () => ({ boot: runs ? String(boots) : null, isReady: true, isKeptOff }),
    async cutPower() {
      [runs, isKeptOff] = [false, true];
    },
    async shutDown(signal) {
      if (!signal.aborted) [runs, isKeptOff] = [false, true];
    },
    async switchOn() {
      isKeptOff = false;
      this.mayReturn();
    },
  };
}

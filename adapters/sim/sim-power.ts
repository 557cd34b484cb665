// What the power calls of ports/hypervisor.ts do to a simulated guest, by its state. Read by
// sim-hypervisor.ts.
import type { SimGuest } from './sim-world.ts';

/** 'stay': nothing to do. 'on': it boots. 'off': it is shut off. A state: it takes that state. */
type PowerStep = 'stay' | 'refuse' | 'on' | 'off' | 'running' | 'paused' | 'suspended';

export const powerSteps = {
  start: {
    running: 'stay',
    shutoff: 'on',
    crashed: 'on',
    suspended: 'on',
    paused: 'refuse',
  },
  stop: {
    running: 'off',
    paused: 'off',
    suspended: 'off',
    crashed: 'off',
    shutoff: 'stay',
  },
  reboot: {
    running: 'on',
    paused: 'on',
    suspended: 'on',
    crashed: 'on',
    shutoff: 'on',
  },
  pause: {
    running: 'paused',
    paused: 'stay',
    suspended: 'refuse',
    shutoff: 'refuse',
    crashed: 'refuse',
  },
  unpause: {
    paused: 'running',
    running: 'stay',
    suspended: 'refuse',
    shutoff: 'refuse',
    crashed: 'refuse',
  },
  suspend: {
    running: 'suspended',
    paused: 'suspended',
    suspended: 'stay',
    shutoff: 'refuse',
    crashed: 'refuse',
  },
  resume: {
    suspended: 'running',
    paused: 'running',
    running: 'stay',
    shutoff: 'refuse',
    crashed: 'refuse',
  },
} satisfies Record<string, Record<SimGuest['state'], PowerStep>>;

export type PowerCall = keyof typeof powerSteps;

export const powerStep = (call: PowerCall, state: SimGuest['state']): PowerStep =>
  powerSteps[call][state];

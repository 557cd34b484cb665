// The transition table of a simulated guest: the effect of each power call of ports/hypervisor.ts
// in each state. Read by sim-hypervisor.ts.
import type { SimGuest } from './sim-world.ts';

/**
 * What a power call does to a guest. 'stay': nothing. 'refuse': conflict. 'on': the guest boots.
 * 'off': it is shut off. Others: its next state.
 */
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

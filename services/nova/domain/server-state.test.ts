// The server's state machine: every table is walked whole.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GuestState } from '#contracts/nova/guest.ts';
import type { ServerAction } from '#contracts/nova/operations.ts';
import { powerState, taskStates, vmStates } from '#contracts/nova/server-states.ts';
import type { PowerState, VmState } from '#contracts/nova/server-states.ts';
import type { ActionRule, ServerStatus } from './server-state.ts';
import { actionRules, observed, powerOf, settled, statesOf, statusOf } from './server-state.ts';

const actions = Object.entries(actionRules) as [ServerAction, ActionRule][];
const guestStates: readonly GuestState[] = [
  'running',
  'paused',
  'suspended',
  'shutoff',
  'crashed',
  'absent',
];

describe('action rules', () => {
  // Compute API reference, "Servers - run an action": the preconditions of each action.
  const legal: Record<ServerAction, VmState[]> = {
    start: ['stopped'],
    stop: ['active', 'error'],
    softReboot: ['active'],
    hardReboot: ['active', 'stopped', 'paused', 'suspended', 'error'],
    pause: ['active'],
    unpause: ['paused'],
    suspend: ['active'],
    resume: ['suspended'],
    rescue: ['active', 'stopped', 'error'],
    unrescue: ['rescued'],
    rebuild: ['active', 'stopped', 'error'],
  };
  for (const [action, rule] of actions) {
    it(`${action} begins where the API reference says`, () =>
      assert.deepEqual([...rule.from].sort(), [...legal[action]].sort()));
    it(`${action} ends in a state that some other action leads out of`, () => {
      for (const from of rule.from) {
        const { vmState } = settled(action, { vmState: from, powerState: powerState.running });
        assert.ok(
          actions.some(([, other]) => other.from.includes(vmState)),
          `${action} from ${from} strands in ${vmState}`,
        );
      }
    });
  }
  it('give every action a task of its own', () => {
    const tasks = actions.map(([, rule]) => rule.task);
    assert.equal(new Set(tasks).size, tasks.length);
  });
});

describe('settled', () => {
  const before = (vmState: VmState, power: PowerState) => ({ vmState, powerState: power });
  const ends: readonly [ServerAction, VmState, VmState, PowerState][] = [
    ['start', 'stopped', 'active', powerState.running],
    ['stop', 'active', 'stopped', powerState.shutdown],
    ['stop', 'error', 'stopped', powerState.shutdown],
    ['softReboot', 'active', 'active', powerState.running],
    ['hardReboot', 'paused', 'active', powerState.running],
    ['pause', 'active', 'paused', powerState.paused],
    ['unpause', 'paused', 'active', powerState.running],
    ['suspend', 'active', 'suspended', powerState.shutdown],
    ['resume', 'suspended', 'active', powerState.running],
    ['rescue', 'stopped', 'rescued', powerState.running],
    ['unrescue', 'rescued', 'active', powerState.running],
    ['rebuild', 'active', 'active', powerState.running],
    ['rebuild', 'stopped', 'stopped', powerState.shutdown],
    ['rebuild', 'error', 'active', powerState.running],
  ];
  for (const [action, from, to, power] of ends) {
    it(`${action} takes ${from} to ${to}`, () =>
      assert.deepEqual(settled(action, before(from, powerState.noState)), {
        vmState: to,
        powerState: power,
      }));
  }
  it('has a line above for every action', () =>
    assert.deepEqual(
      new Set(ends.map(([action]) => action)),
      new Set(actions.map(([action]) => action)),
    ));
});

describe('status', () => {
  const idle: Record<VmState, ServerStatus> = {
    building: 'BUILD',
    active: 'ACTIVE',
    paused: 'PAUSED',
    suspended: 'SUSPENDED',
    stopped: 'SHUTOFF',
    rescued: 'RESCUE',
    resized: 'VERIFY_RESIZE',
    shelved: 'SHELVED',
    shelved_offloaded: 'SHELVED_OFFLOADED',
    'soft-delete': 'SOFT_DELETED',
    deleted: 'DELETED',
    error: 'ERROR',
  };
  for (const vmState of vmStates)
    it(`of an idle ${vmState} server is ${idle[vmState]}`, () =>
      assert.equal(statusOf(vmState, null), idle[vmState]));

  it('names the task while a server reboots or is rebuilt, and no other task', () => {
    const named: Partial<Record<string, ServerStatus>> = {
      'active/rebooting': 'REBOOT',
      'active/reboot_started': 'REBOOT',
      ...Object.fromEntries(
        ['active', 'stopped', 'paused', 'suspended', 'error'].flatMap((vmState) => [
          [`${vmState}/rebooting_hard`, 'HARD_REBOOT'],
          [`${vmState}/reboot_started_hard`, 'HARD_REBOOT'],
        ]),
      ),
      ...Object.fromEntries(
        ['active', 'stopped', 'error'].flatMap((vmState) => [
          [`${vmState}/rebuilding`, 'REBUILD'],
          [`${vmState}/rebuild_spawning`, 'REBUILD'],
        ]),
      ),
    };
    for (const vmState of vmStates)
      for (const task of taskStates)
        assert.equal(
          statusOf(vmState, task),
          named[`${vmState}/${task}`] ?? idle[vmState],
          `${vmState}/${task}`,
        );
  });

  it('filters find every state of a status, in any case, and no state of an unknown one', () => {
    for (const vmState of vmStates)
      assert.ok(statesOf(idle[vmState].toLowerCase())?.vmStates.includes(vmState), vmState);
    assert.deepEqual(statesOf('reboot'), {
      vmStates: [],
      taskStates: ['rebooting', 'reboot_started'],
    });
    assert.equal(statesOf('SLEEPING'), undefined);
  });
});

describe('a host that reports another power state', () => {
  const moves: Partial<Record<`${VmState}/${GuestState}`, VmState>> = {
    'active/shutoff': 'stopped',
    'active/crashed': 'stopped',
    'active/paused': 'paused',
    'active/suspended': 'suspended',
    'paused/running': 'active',
    'paused/shutoff': 'stopped',
    'paused/crashed': 'stopped',
    'paused/suspended': 'suspended',
    'suspended/running': 'active',
    'suspended/shutoff': 'stopped',
    'suspended/crashed': 'stopped',
    'suspended/paused': 'paused',
    'stopped/running': 'active',
    'stopped/paused': 'paused',
    'stopped/suspended': 'suspended',
  };
  const powers = [...new Set(guestStates.map(powerOf))];
  for (const vmState of vmStates) {
    it(`moves a server that is ${vmState} to what is true, or leaves it; its power state follows in any case`, () => {
      for (const guest of guestStates) {
        const next = {
          vmState: moves[`${vmState}/${guest}`] ?? vmState,
          powerState: powerOf(guest),
        };
        for (const power of powers) {
          const same = next.vmState === vmState && next.powerState === power;
          assert.deepEqual(
            observed({ vmState, powerState: power }, guest),
            same ? undefined : next,
            `${vmState}, power ${power}, guest ${guest}`,
          );
        }
      }
    });
  }
  it('agrees with itself: a second report of the same changes nothing', () => {
    for (const vmState of vmStates) {
      for (const guest of guestStates) {
        const next = observed({ vmState, powerState: powerState.noState }, guest);
        if (next) assert.equal(observed(next, guest), undefined, `${vmState}/${guest}`);
      }
    }
  });
  it('leaves a way out of every state, whatever happened to the guest', () => {
    for (const vmState of [
      'active',
      'paused',
      'suspended',
      'stopped',
      'rescued',
      'error',
    ] as const) {
      for (const guest of guestStates) {
        const now =
          observed({ vmState, powerState: powerState.running }, guest)?.vmState ?? vmState;
        assert.ok(
          actions.some(([, rule]) => rule.from.includes(now)),
          `${vmState}/${guest}`,
        );
      }
    }
  });

  // A guest crashes while a command for it is under way, or between two commands: whatever is
  // reported last, in either order, decides.
  it('ends in the same state whether a crash is reported before or after the command that failed by it', () => {
    for (const [action, rule] of actions) {
      for (const from of rule.from) {
        const start = { vmState: from, powerState: powerState.running };
        const afterSuccess = settled(action, start);
        const crashedAfter = observed(afterSuccess, 'crashed') ?? afterSuccess;
        assert.equal(observed(crashedAfter, 'crashed'), undefined, `${action} from ${from}`);
        const crashedBefore = observed(start, 'crashed') ?? start;
        const failed =
          rule.onFailure === 'same'
            ? crashedBefore
            : { vmState: rule.onFailure, powerState: crashedBefore.powerState };
        assert.equal(
          observed(failed, 'crashed')?.vmState ?? failed.vmState,
          failed.vmState,
          `${action} from ${from}, failed`,
        );
      }
    }
  });
  it('has a power state for every guest state', () => {
    assert.deepEqual(guestStates.map(powerOf), [
      powerState.running,
      powerState.paused,
      powerState.shutdown,
      powerState.shutdown,
      powerState.crashed,
      powerState.noState,
    ]);
  });
});

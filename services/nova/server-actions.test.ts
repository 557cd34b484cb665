// The server's state machine as a whole: the API's rows say in which states an action may begin,
// the conductor's rows in which it ends. Every combination is tested.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { guestStates } from '#contracts/nova/guest.ts';
import type { ServerAction } from '#contracts/nova/operations.ts';
import { taskDuring } from '#contracts/nova/operations.ts';
import { powerState } from '#contracts/nova/server-states.ts';
import type { PowerState, VmState } from '#contracts/nova/server-states.ts';
import { policies } from './api/policies.ts';
import { serverActions } from './api/server-actions/table.ts';
import { serverChanges } from './conductor/server-actions/table.ts';
import { observed } from './domain/server-state.ts';

const actions = serverActions.flatMap(({ begins = {} }) =>
  (Object.entries(begins) as [ServerAction, readonly VmState[]][]).map(
    ([action, from]) => [action, { from, ...serverChanges[action] }] as const,
  ),
);

describe('the policy of an action', () => {
  for (const { key, policy } of serverActions)
    it(`${key} has the default of its row`, () => {
      if (policy) assert.equal(policies[policy.name], policy.default);
    });
});

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
    unshelve: ['shelved'],
  };
  for (const [action, rule] of actions) {
    it(`${action} begins where the API reference says`, () =>
      assert.deepEqual([...rule.from].sort(), [...legal[action]].sort()));
    it(`${action} ends in a state that some other action leads out of`, () => {
      for (const from of rule.from) {
        const { vmState } = rule.ends({ vmState: from, powerState: powerState.running });
        assert.ok(
          actions.some(([, other]) => other.from.includes(vmState)),
          `${action} from ${from} strands in ${vmState}`,
        );
      }
    });
  }
  it('give every action a task of its own', () => {
    const tasks = Object.values(taskDuring);
    assert.equal(new Set(tasks).size, tasks.length);
  });
  it('are begun by one row of the API each, and carried out by one of the conductor', () => {
    const begun = serverActions.flatMap(({ begins = {} }) => Object.keys(begins));
    assert.deepEqual(begun.sort(), Object.keys(taskDuring).sort());
    assert.deepEqual(Object.keys(serverChanges).sort(), Object.keys(taskDuring).sort());
  });
});

describe('the end of an action', () => {
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
    ['unshelve', 'shelved', 'active', powerState.running],
  ];
  for (const [action, from, to, power] of ends) {
    it(`${action} takes ${from} to ${to}`, () =>
      assert.deepEqual(serverChanges[action].ends(before(from, powerState.noState)), {
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

describe('a host that reports another power state, and actions', () => {
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

  // A guest may crash during an action or right before it: the final state must not depend on the
  // order in which crash and action are reported.
  it('ends in the same state whether a crash is reported before or after the command that failed by it', () => {
    for (const [action, rule] of actions) {
      for (const from of rule.from) {
        const start = { vmState: from, powerState: powerState.running };
        const afterSuccess = rule.ends(start);
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
});

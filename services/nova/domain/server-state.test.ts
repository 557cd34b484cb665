// The server's states, and how reports about its guest change them: every row of every table is
// tested. What actions do: server-actions.test.ts.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { guestStates } from '#contracts/nova/guest.ts';
import type { GuestState } from '#contracts/nova/guest.ts';
import { powerState, taskStates, vmStates } from '#contracts/nova/server-states.ts';
import type { VmState } from '#contracts/nova/server-states.ts';
import type { ServerStatus } from './server-state.ts';
import { observed, powerOf, statesOf, statusOf } from './server-state.ts';

describe('status', () => {
  // The API's status is the vm_state in capitals, with these exceptions. Compute API reference,
  // "Server status".
  const exceptions: Partial<Record<VmState, string>> = {
    building: 'BUILD',
    stopped: 'SHUTOFF',
    rescued: 'RESCUE',
    resized: 'VERIFY_RESIZE',
    'soft-delete': 'SOFT_DELETED',
  };
  const idle = (vmState: VmState): string => exceptions[vmState] ?? vmState.toUpperCase();
  for (const vmState of vmStates)
    it(`of an idle ${vmState} server is ${idle(vmState)}`, () =>
      assert.equal(statusOf(vmState, null), idle(vmState)));

  it('names the task while a server reboots, is rebuilt or moves, and no other task', () => {
    const named: Partial<Record<string, ServerStatus>> = {
      'active/rebooting': 'REBOOT',
      'active/reboot_started': 'REBOOT',
      'active/migrating': 'MIGRATING',
      'paused/migrating': 'MIGRATING',
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
      ...Object.fromEntries(
        ['active', 'stopped'].flatMap((vmState) =>
          ['prep', 'migrating', 'migrated', 'finish'].map((task) => [
            `${vmState}/resize_${task}`,
            'RESIZE',
          ]),
        ),
      ),
      'resized/resize_reverting': 'REVERT_RESIZE',
    };
    for (const vmState of vmStates)
      for (const task of taskStates)
        assert.equal(
          statusOf(vmState, task),
          named[`${vmState}/${task}`] ?? idle(vmState),
          `${vmState}/${task}`,
        );
  });

  it('filters find every state of a status, in any case, and no state of an unknown one', () => {
    for (const vmState of vmStates)
      assert.ok(statesOf(idle(vmState).toLowerCase())?.vmStates.includes(vmState), vmState);
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

// The last steps of every saga that places a guest on a host, new or moved: complete the volumes at
// Cinder, wait until Neutron has plugged the interfaces, and write the server's final state.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import { powerState } from '#contracts/nova/server-states.ts';
import type { SagaStep } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import type { ServerChange } from '../store/servers.ts';
import { awaitPlugged } from './await-plugged.ts';
import { completeVolumes } from './connect-volumes.ts';

// Added to the step's deadline, so that `awaitPlugged` times out first: its fault names the ports.
const pluggingGraceMs = 30_000;

export const completeVolumesStep = (
  deps: NovaDeps,
  deadlineMs: number,
): SagaStep<{ serverId: string }, object> => ({
  name: 'complete volumes',
  deadlineMs,
  retries: 5,
  run: async ({ serverId }, _state, call) => await completeVolumes(deps, serverId, call),
});

/**
 * The step that waits until the guest's interfaces are plugged. `isOn`: whether the guest runs;
 * those of a stopped guest are never plugged, and not waited for.
 */
export const awaitPluggedStep = <Input extends { serverId: string }>(
  deps: NovaDeps,
  isOn: (input: Input) => boolean | Promise<Outcome<boolean>>,
): SagaStep<Input, object> => ({
  name: 'await plugged interfaces',
  deadlineMs: deps.config.vifPluggingTimeoutMs + pluggingGraceMs,
  async run(input, _state, call) {
    const runs = await isOn(input);
    if (isFault(runs)) return runs;
    return runs ? await awaitPlugged(deps, input.serverId, call) : undefined;
  },
});

/**
 * The row of a server whose guest was placed, running or stopped, with no operation in progress.
 */
export const settledServer = (isOn: boolean, nowMs: number) =>
  ({
    vm_state: isOn ? 'active' : 'stopped',
    task_state: null,
    power_state: isOn ? powerState.running : powerState.shutdown,
    launched_at_ms: nowMs,
    fault: null,
  }) satisfies ServerChange;

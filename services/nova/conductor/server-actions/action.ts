// What a change of state is to the conductor: one row of table.ts, carried out by the saga
// `nova.change-server`.
import type { Outcome } from '#contracts/common/fault.ts';
import type { NovaOperations } from '#contracts/nova/operations.ts';
import type { PowerState, VmState } from '#contracts/nova/server-states.ts';
import type { NovaDeps } from '../../deps.ts';
import type { ServerStates } from '../../domain/server-state.ts';
import type { Server, ServerChange } from '../../store/servers.ts';

export interface ServerChangeRow {
  /**
   * What is done on the server's host. Safe to repeat: the saga may run it twice, and a call that
   * the agent did not take, or whose answer was cut off, is sent again (patient-bus.ts).
   */
  effect(
    deps: NovaDeps,
    server: Server & { host: string },
    input: NovaOperations['nova.change-server'],
    call: { timeoutMs: number; requestId: string },
  ): Promise<Outcome<unknown>>;
  /** Where a server that was in `before` is after success. Pure. */
  ends(before: ServerStates): ServerStates;
  /** Where it is after a failure. 'same': as before, or what its guest says now. */
  onFailure: VmState | 'same';
  /** What is written with the end. */
  facts?(nowMs: number): ServerChange;
}

/** Always there, whatever it was before. */
export const endsIn = (vmState: VmState, powerState: PowerState) => (): ServerStates => ({
  vmState,
  powerState,
});

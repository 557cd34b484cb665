// The conductor's part of a server action that changes vm_state: one row of table.ts, executed by
// the saga `nova.change-server`.
import type { Outcome } from '#contracts/common/fault.ts';
import type { NovaOperations } from '#contracts/nova/operations.ts';
import type { PowerState, VmState } from '#contracts/nova/server-states.ts';
import type { NovaDeps } from '../../deps.ts';
import type { ServerStates } from '../../domain/server-state.ts';
import type { Server, ServerChange } from '../../store/servers.ts';

export interface ServerChangeRow {
  /**
   * The call to the server's host. Must be idempotent: the saga may run it twice, and a call that
   * the agent did not receive, or whose answer was lost, is sent again (patient-bus.ts).
   */
  effect(
    deps: NovaDeps,
    server: Server & { host: string },
    input: NovaOperations['nova.change-server'],
    call: { timeoutMs: number; requestId: string },
  ): Promise<Outcome<unknown>>;
  /** The states after success, for a server that was in `before`. Pure. */
  ends(before: ServerStates): ServerStates;
  /** vm_state after a failure; 'same': the state before, or what the guest's state implies now. */
  onFailure: VmState | 'same';
  /** Further columns that are written together with the final state. */
  facts?(nowMs: number): ServerChange;
}

/** The final state is the same whatever the state before. */
export const endsIn = (vmState: VmState, powerState: PowerState) => (): ServerStates => ({
  vmState,
  powerState,
});

// Asks a host for the state of a guest, and derives the server's state after a failed operation.
// Called by the sagas that change power state or host.
import { isFault } from '#contracts/common/fault.ts';
import type { GuestState } from '#contracts/nova/guest.ts';
import type { NovaDeps } from '../deps.ts';
import type { ServerStates } from '../domain/server-state.ts';
import { observed } from '../domain/server-state.ts';
import { agentOn } from '../rpc-clients.ts';
import type { ServerChange } from '../store/servers.ts';
import type { ServerInput } from './saga-context.ts';
import { serverOf } from './saga-context.ts';

const stateTimeoutMs = 15_000;

/** The state of the guest on the host; undefined: the host does not answer. */
export async function guestStateOn(
  deps: NovaDeps,
  host: string,
  uuid: string,
  requestId: string,
): Promise<GuestState | undefined> {
  const guest = await agentOn(deps, host).call(
    'guestState',
    { uuid },
    { timeoutMs: stateTimeoutMs, requestId },
  );
  return isFault(guest) ? undefined : guest.state;
}

/**
 * The states of a server after a failed operation, by what its guest is doing now: the operation
 * may have taken effect although it was reported as failed. Without an answer nothing is changed,
 * and the host's next report corrects the states.
 */
export async function stateOfGuest(
  deps: NovaDeps,
  input: ServerInput & { before: ServerStates },
  requestId: string,
): Promise<ServerChange> {
  const server = await serverOf(deps, input);
  if (isFault(server) || server.host === null) return {};
  const guest = await guestStateOn(deps, server.host, server.id, requestId);
  const next =
    guest === undefined || guest === 'absent' ? undefined : observed(input.before, guest);
  return next ? { vm_state: next.vmState, power_state: next.powerState } : {};
}

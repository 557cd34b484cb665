// Compares the guests on the host with those that Nova expects. At the agent's start this includes
// starting guests; later it only stops or destroys guests. `decide` is pure, `reconcile` executes
// it.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { ConductorRpc, ExpectedGuest } from '#contracts/nova/conductor-rpc.ts';
import type { GuestSummary } from '#contracts/nova/guest.ts';
import type { RpcClient } from '#platform/bus/contract.ts';
import type { NovaAgentDeps } from './deps.ts';

export interface Repair {
  uuid: string;
  /**
   * start: the guest did not shut itself down but was ended, e.g. by a power failure of the host.
   * stop: the server is being evacuated to another host. destroy: the server has no guest on this
   * host (any more), e.g. because it was deleted or moved while the host was unreachable.
   */
  action: 'start' | 'stop' | 'destroy';
}

export function decide(
  actual: readonly GuestSummary[],
  expected: readonly ExpectedGuest[],
  options: { resumeGuests: boolean },
): Repair[] {
  const stateOf = new Map(actual.map((guest) => [guest.uuid, guest.state]));
  return expected.flatMap(({ uuid, want, busy }): Repair[] => {
    const state = stateOf.get(uuid);
    // A server with a task in progress is handled by its saga; a guest that shut itself down
    // ('shutoff') stays off.
    if (busy || state === undefined) return [];
    if (want === 'remove') return [{ uuid, action: 'destroy' }];
    if (want === 'stop')
      return state === 'running' || state === 'paused' ? [{ uuid, action: 'stop' }] : [];
    return want === 'run' && state === 'crashed' && options.resumeGuests
      ? [{ uuid, action: 'start' }]
      : [];
  });
}

const carryOut = async (
  hypervisor: NovaAgentDeps['hypervisor'],
  uuid: string,
  action: Repair['action'],
): Promise<Outcome<void>> => {
  switch (action) {
    case 'start':
      return await hypervisor.start(uuid);
    case 'stop':
      return await hypervisor.stop(uuid, 0);
    case 'destroy':
      return await hypervisor.destroy(uuid);
  }
};

/**
 * Starts, stops and destroys guests as `decide` says. Returns the conductor's answer: the guests
 * that the host should have, and what is to become of the others on it; undefined: the conductor or
 * the hypervisor does not answer.
 */
export async function reconcile(
  deps: NovaAgentDeps,
  conductor: RpcClient<ConductorRpc>,
  requestId: string,
  options: { resumeGuests: boolean },
): Promise<readonly ExpectedGuest[] | undefined> {
  const { hypervisor, config, log } = deps;
  const actual = await hypervisor.list();
  if (isFault(actual)) return undefined;
  const expected = await conductor.call(
    'expectedGuests',
    { host: config.host, uuids: actual.map((guest) => guest.uuid) },
    { timeoutMs: 30_000, requestId },
  );
  if (isFault(expected)) return undefined;
  for (const { uuid, action } of decide(actual, expected.guests, options)) {
    const outcome = await carryOut(hypervisor, uuid, action);
    if (isFault(outcome))
      log.error(
        { server: uuid, host: config.host, action, why: outcome.message },
        'guest cannot be mended',
      );
    else log.warn({ server: uuid, host: config.host, action }, 'guest mended');
  }
  return expected.guests;
}

// What runs on the host against what should: at start with guests to be started again, then now and
// then for what should be gone. `decide` is pure, `reconcile` carries it out.
import { isFault } from '#contracts/common/fault.ts';
import type { ConductorRpc, ExpectedGuest } from '#contracts/nova/conductor-rpc.ts';
import type { GuestSummary } from '#contracts/nova/guest.ts';
import type { RpcClient } from '#platform/bus/contract.ts';
import type { NovaAgentDeps } from './deps.ts';

export interface Repair {
  uuid: string;
  /**
   * start: a power failure ended it. destroy: it was deleted, or moved, while the host was away.
   */
  action: 'start' | 'destroy';
}

export function decide(
  found: readonly GuestSummary[],
  expected: readonly ExpectedGuest[],
  options: { resumeGuests: boolean },
): Repair[] {
  const stateOf = new Map(found.map((guest) => [guest.uuid, guest.state]));
  return expected.flatMap(({ uuid, want, busy }): Repair[] => {
    const state = stateOf.get(uuid);
    // A busy server's saga knows better; a guest that ended itself ('shutoff') wanted to be off.
    if (busy || state === undefined) return [];
    if (want === 'remove') return [{ uuid, action: 'destroy' }];
    return want === 'run' && state === 'crashed' && options.resumeGuests
      ? [{ uuid, action: 'start' }]
      : [];
  });
}

/** What should be there; undefined: nobody could tell, or the hypervisor does not answer. */
export async function reconcile(
  deps: NovaAgentDeps,
  conductor: RpcClient<ConductorRpc>,
  requestId: string,
  options: { resumeGuests: boolean },
): Promise<readonly ExpectedGuest[] | undefined> {
  const { hypervisor, config, log } = deps;
  const found = await hypervisor.list();
  if (isFault(found)) return undefined;
  const expected = await conductor.call(
    'expectedGuests',
    { host: config.host, uuids: found.map((guest) => guest.uuid) },
    { timeoutMs: 30_000, requestId },
  );
  if (isFault(expected)) return undefined;
  for (const { uuid, action } of decide(found, expected.guests, options)) {
    const done = await (action === 'start' ? hypervisor.start(uuid) : hypervisor.destroy(uuid));
    if (isFault(done))
      log.error(
        { server: uuid, host: config.host, action, why: done.message },
        'guest cannot be mended',
      );
    else log.warn({ server: uuid, host: config.host, action }, 'guest mended');
  }
  return expected.guests;
}

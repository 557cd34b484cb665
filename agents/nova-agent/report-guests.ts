// Reports power states to the conductor: at once when a guest's state changes, and all of them
// periodically.
import { isFault } from '#contracts/common/fault.ts';
import type { ConductorRpc } from '#contracts/nova/conductor-rpc.ts';
import type { RpcClient } from '#platform/bus/contract.ts';
import type { TroubleLog } from '#platform/trouble-log.ts';
import type { NovaAgentDeps } from './deps.ts';

const reportTimeoutMs = 15_000;

export interface GuestReporter {
  /** Reports every guest of the host. */
  all(requestId: string): Promise<void>;
  /** Ends the subscription to the hypervisor's events. */
  close(): void;
}

export function createGuestReporter(
  deps: NovaAgentDeps,
  conductor: RpcClient<ConductorRpc>,
  troubles: TroubleLog,
  newRequestId: () => string,
): GuestReporter {
  const { hypervisor, config, log } = deps;
  const changed = new Set<string>();
  let reporting = false;

  // One report at a time, with a state that is read right before it is sent, so that an old event
  // never overwrites a newer state.
  async function reportChanges(): Promise<void> {
    if (reporting) return;
    reporting = true;
    try {
      while (changed.size > 0) {
        const uuids = [...changed];
        changed.clear();
        const guests = (
          await Promise.all(
            uuids.map(async (uuid) => ({ uuid, state: await hypervisor.state(uuid) })),
          )
        ).flatMap(({ uuid, state }) => (isFault(state) ? [] : [{ uuid, state }]));
        const reportResult = await conductor.call(
          'reportGuests',
          { host: config.host, guests, complete: false },
          { timeoutMs: reportTimeoutMs, requestId: newRequestId() },
        );
        if (isFault(reportResult))
          log.warn(
            { host: config.host, why: reportResult.message },
            'guest states not reported; the next full report has them',
          );
      }
    } catch (error) {
      log.error({ host: config.host, err: error }, 'guest states not reported');
    } finally {
      reporting = false;
    }
  }

  const close = hypervisor.onEvent(({ uuid }) => {
    changed.add(uuid);
    void reportChanges();
  });

  return {
    close,
    async all(requestId) {
      const guests = await hypervisor.list();
      troubles.note('list-guests', guests, 'the hypervisor does not answer');
      if (isFault(guests)) return;
      const reportResult = await conductor.call(
        'reportGuests',
        {
          host: config.host,
          guests: guests.map(({ uuid, state }) => ({ uuid, state })),
          complete: true,
        },
        { timeoutMs: reportTimeoutMs, requestId },
      );
      troubles.note('report-guests', reportResult, 'guest states not reported');
    },
  };
}

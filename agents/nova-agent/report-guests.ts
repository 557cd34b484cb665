// Reports the states of guests to the conductor: at once after a change, repeatedly while the
// conductor says that the guest's server is busy, and all guests periodically.
import { isFault } from '#contracts/common/fault.ts';
import type { ConductorRpc } from '#contracts/nova/conductor-rpc.ts';
import type { RpcClient } from '#platform/bus/contract.ts';
import type { Timer } from '#platform/clock.ts';
import type { TroubleLog } from '#platform/trouble-log.ts';
import type { NovaAgentDeps } from './deps.ts';

const reportTimeoutMs = 15_000;
/**
 * How often, and for how long, the state of a busy server's guest is repeated; afterwards the
 * periodic report covers it.
 */
const [againMs, againForMs] = [1_000, 60_000];

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
  const { hypervisor, config, log, clock } = deps;
  const changed = new Set<string>();
  /** Guests whose servers are busy -> until when their state is repeated. */
  const busyUntilMs = new Map<string, number>();
  let again: Timer | undefined;
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
        else repeatLater(uuids, reportResult?.busy ?? []);
      }
    } catch (error) {
      log.error({ host: config.host, err: error }, 'guest states not reported');
    } finally {
      reporting = false;
    }
  }

  function repeatLater(uuids: readonly string[], busy: readonly string[]): void {
    const nowMs = clock.monotonicMs();
    for (const uuid of uuids)
      if (!busy.includes(uuid)) busyUntilMs.delete(uuid);
      else if (!busyUntilMs.has(uuid)) busyUntilMs.set(uuid, nowMs + againForMs);
      else if ((busyUntilMs.get(uuid) ?? 0) <= nowMs) busyUntilMs.delete(uuid);
    if (busyUntilMs.size === 0 || again) return;
    again = clock.after(
      againMs,
      () => {
        again = undefined;
        for (const uuid of busyUntilMs.keys()) changed.add(uuid);
        void reportChanges();
      },
      { unref: true },
    );
  }

  const unsubscribe = hypervisor.onEvent(({ uuid }) => {
    busyUntilMs.delete(uuid); // a new event restarts its time
    changed.add(uuid);
    void reportChanges();
  });

  return {
    close() {
      unsubscribe();
      again?.stop();
      busyUntilMs.clear();
    },
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

// Waits until Neutron says that all ports of a server are ACTIVE. network-vif-plugged events only
// wake the wait; the status read from Neutron decides.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { neutronClient } from '#openstack/clients/neutron.ts';
import type { NovaDeps } from '../deps.ts';
import { nicsOf } from '../store/nics.ts';
import { findServer } from '../store/servers.ts';
import { hopeless } from './saga-context.ts';

const pollEveryMs = 1_000;

/**
 * Waiting calls of this process, by server id. An event that reaches another process wakes nobody
 * here, so each wait also polls every `pollEveryMs`.
 */
const waiting = new Map<string, Set<() => void>>();

/** Wakes the waiting calls for this server. Called when Neutron has plugged or unplugged a port. */
export function wakePlugged(serverId: string): void {
  for (const wake of waiting.get(serverId) ?? []) wake();
}

/**
 * Waits until all ports of the server are ACTIVE. conflict: the server is being deleted. timeout,
 * marked hopeless: a port is not ACTIVE within `vifPluggingTimeoutMs`. unavailable: at that time
 * Neutron does not answer.
 */
export async function awaitPlugged(
  deps: NovaDeps,
  serverId: string,
  { requestId, signal }: { requestId: string; signal: AbortSignal },
): Promise<Outcome<void>> {
  const { db } = deps.database;
  const { clock, config } = deps;
  const wanted = new Set((await nicsOf(db, serverId)).map((nic) => nic.port_id));
  if (wanted.size === 0) return undefined;
  const neutron = neutronClient(deps, { token: null, requestId });
  const untilMs = clock.now() + config.vifPluggingTimeoutMs;
  for (;;) {
    const woken = wakened(
      deps,
      serverId,
      Math.min(pollEveryMs, Math.max(0, untilMs - clock.now())),
      signal,
    ); // created before the ports are read, so that no event is missed in between
    const ports = await neutron.list('ports', { device_id: serverId, fields: ['id', 'status'] });
    const missing = isFault(ports)
      ? undefined
      : [...wanted].filter(
          (id) => !ports.some((port) => port.id === id && port.status === 'ACTIVE'),
        );
    if (missing?.length === 0) {
      woken.cancel();
      return undefined;
    }
    const server = await findServer(db, serverId, null);
    if (!server || server.task_state === 'deleting') {
      woken.cancel();
      return fault('conflict', 'The server is deleted meanwhile.');
    }
    if (signal.aborted || clock.now() >= untilMs) {
      woken.cancel();
      return isFault(ports)
        ? ports
        : hopeless(
            fault(
              'timeout',
              `Virtual Interface creation failed: Neutron did not plug ${missing?.join(', ') ?? ''} in time.`,
            ),
          );
    }
    await woken.promise;
  }
}

function wakened(
  { clock }: Pick<NovaDeps, 'clock'>,
  serverId: string,
  withinMs: number,
  signal: AbortSignal,
): { promise: Promise<void>; cancel(): void } {
  const ending = new AbortController();
  const wake = (): void => ending.abort();
  const others = waiting.get(serverId) ?? new Set();
  waiting.set(serverId, others.add(wake));
  const promise = clock
    .sleep(withinMs, { signal: AbortSignal.any([ending.signal, signal]), unref: true })
    .catch(() => undefined)
    .then(() => {
      others.delete(wake);
      if (others.size === 0 && waiting.get(serverId) === others) waiting.delete(serverId);
    });
  return { promise, cancel: wake };
}

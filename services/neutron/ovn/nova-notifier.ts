// Sends events to Nova: a port was plugged or unplugged; a server's addresses changed. POST
// /os-server-external-events (api-ref, "Run Events"). Safe to repeat: Nova reads the state again.
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { ServerExternalEvent } from '#contracts/nova/wire.ts';
import { refusedStatus } from '#openstack/clients/call.ts';
import { novaClient } from '#openstack/clients/nova.ts';
import type { NeutronDeps } from '../deps.ts';

type NotifierDeps = Pick<NeutronDeps, 'http' | 'session' | 'ids' | 'clock' | 'log'>;

const attempts = 6;
const firstPauseMs = 250;
const timeoutMs = 15_000;
const maxEvents = 100;
const maxWaiting = 20_000;

/** Sends events in order, asynchronously: a slow Nova does not delay the caller. */
export class NovaNotifier {
  readonly #deps: NotifierDeps;
  readonly #ending = new AbortController();
  #waiting: ServerExternalEvent[] = [];
  #running: Promise<void> | undefined;

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
  }

  queue(events: readonly ServerExternalEvent[]): void {
    if (events.length === 0 || this.#ending.signal.aborted) return;
    const over = this.#waiting.length + events.length - maxWaiting;
    if (over > 0)
      this.#deps.log.error(
        { events: over },
        'Nova does not take events as fast as they come; the oldest are dropped, its own healing makes up for them',
      );
    this.#waiting = [...this.#waiting, ...events].slice(-maxWaiting);
    this.#running ??= this.#run()
      .catch((error: unknown) => this.#deps.log.error({ err: error }, 'telling Nova failed'))
      .finally(() => {
        this.#running = undefined;
      });
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (this.#waiting.length > 0 && !signal.aborted) {
      const events = this.#waiting.splice(0, maxEvents);
      const delivery = await persistently(this.#deps, events, signal);
      if (isFault(delivery))
        this.#deps.log.error(
          { why: delivery.message, events: events.length },
          "Nova was not told of changes at its servers' ports",
        );
    }
  }
}

async function persistently(
  deps: NotifierDeps,
  events: ServerExternalEvent[],
  signal: AbortSignal,
): Promise<Outcome<void>> {
  const requestId = deps.ids.requestId();
  let outcome: Outcome<void> = fault('unavailable', 'Nova was not asked.');
  for (let attempt = 0; attempt < attempts && !signal.aborted; attempt += 1) {
    if (attempt > 0)
      await deps.clock
        .sleep(firstPauseMs * 2 ** (attempt - 1) * (0.5 + deps.ids.random()), {
          signal,
          unref: true,
        })
        .catch(() => undefined); // aborted by close()
    outcome = await once(deps, events, requestId);
    if (!isFault(outcome)) return outcome;
  }
  return outcome;
}

async function once(
  deps: NotifierDeps,
  events: ServerExternalEvent[],
  requestId: string,
): Promise<Outcome<void>> {
  const nova = novaClient(deps, { token: null, requestId }, { timeoutMs });
  const delivery = await nova.sendEvents(events);
  if (!isFault(delivery)) return undefined;
  const status = refusedStatus(delivery);
  if (status === undefined) return delivery;
  // No such server, or it has no host yet. Nova reads the ports itself when it schedules the
  // server.
  if (status === 404 || status === 422) return undefined;
  return fault('unavailable', `Nova answered ${status} to events.`);
}

// Events for Nova: a port is plugged, or no longer; a server's addresses changed. POST
// /os-server-external-events (api-ref, "Run Events"). Safe to repeat: Nova looks again.
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { NeutronDeps } from '../deps.ts';

export interface ServerEvent {
  name: 'network-vif-plugged' | 'network-vif-unplugged' | 'network-vif-deleted' | 'network-changed';
  server_uuid: string;
  /** The port. */
  tag: string;
  status: 'completed';
}

type TellerDeps = Pick<NeutronDeps, 'http' | 'session' | 'ids' | 'clock' | 'log'>;

const attempts = 6;
const firstPauseMs = 250;
const timeoutMs = 15_000;
const maxEvents = 100;
const maxWaiting = 20_000;

/** Sends events in order, beside the work that found them: a slow Nova delays nobody. */
export class NovaNotifier {
  readonly #deps: TellerDeps;
  readonly #ending = new AbortController();
  #waiting: ServerEvent[] = [];
  #running: Promise<void> | undefined;

  constructor(deps: TellerDeps) {
    this.#deps = deps;
  }

  tell(events: readonly ServerEvent[]): void {
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
      const told = await persistently(this.#deps, events, signal);
      if (isFault(told))
        this.#deps.log.error(
          { why: told.message, events: events.length },
          "Nova was not told of changes at its servers' ports",
        );
    }
  }
}

async function persistently(
  deps: TellerDeps,
  events: ServerEvent[],
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
        .catch(() => undefined); // closing
    outcome = await once(deps, events, requestId);
    if (!isFault(outcome)) return outcome;
  }
  return outcome;
}

async function once(
  { http, session }: TellerDeps,
  events: ServerEvent[],
  requestId: string,
): Promise<Outcome<void>> {
  const token = await session.token();
  if (isFault(token)) return token;
  const answer = await http.send({
    method: 'POST',
    service: 'compute',
    path: '/v2.1/os-server-external-events',
    token,
    requestId,
    timeoutMs,
    body: { events: events.map((each) => ({ ...each })) },
  });
  if (isFault(answer)) return answer;
  if (answer.status === 401) session.renew();
  // 404, and 207 with some: no such server, or not on a host yet. Nova reads its ports when it
  // places it.
  if (answer.status < 400 || answer.status === 404 || answer.status === 422) return undefined;
  return fault('unavailable', `Nova answered ${answer.status} to events.`);
}

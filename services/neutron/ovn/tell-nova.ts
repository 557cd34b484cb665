// Events for Nova: a port is plugged, or no longer. POST /os-server-external-events (api-ref, "Run Events"). Safe to repeat: Nova looks again.
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { NeutronDeps } from '../deps.ts';

export type VifEvent = { name: 'network-vif-plugged' | 'network-vif-unplugged'; server_uuid: string; tag: string; status: 'completed' };

const attempts = 6;
const firstPauseMs = 250;
const timeoutMs = 15_000;
const maxEvents = 100;

export async function tellNova(deps: Pick<NeutronDeps, 'http' | 'session' | 'ids' | 'clock'>, events: readonly VifEvent[], signal: AbortSignal): Promise<Outcome<void>> {
  for (let at = 0; at < events.length; at += maxEvents) {
    const told = await persistently(deps, events.slice(at, at + maxEvents), signal);
    if (isFault(told)) return told;
  }
  return undefined;
}

async function persistently(deps: Pick<NeutronDeps, 'http' | 'session' | 'ids' | 'clock'>, events: VifEvent[], signal: AbortSignal): Promise<Outcome<void>> {
  const requestId = deps.ids.requestId();
  let outcome: Outcome<void> = fault('unavailable', 'Nova was not asked.');
  for (let attempt = 0; attempt < attempts && !signal.aborted; attempt += 1) {
    if (attempt > 0) await deps.clock.sleep(firstPauseMs * 2 ** (attempt - 1) * (0.5 + deps.ids.random()), { signal, unref: true }).catch(() => undefined); // closing
    outcome = await once(deps, events, requestId);
    if (!isFault(outcome)) return outcome;
  }
  return outcome;
}

async function once({ http, session }: Pick<NeutronDeps, 'http' | 'session'>, events: VifEvent[], requestId: string): Promise<Outcome<void>> {
  const token = await session.token();
  if (isFault(token)) return token;
  const answer = await http.send({ method: 'POST', service: 'compute', path: '/v2.1/os-server-external-events', token, requestId, timeoutMs, body: { events } });
  if (isFault(answer)) return answer;
  if (answer.status === 401) session.renew();
  // 404, and 207 with some: no such server, or not on a host yet. Nova reads its ports when it places it.
  if (answer.status < 400 || answer.status === 404 || answer.status === 422) return undefined;
  return fault('unavailable', `Nova answered ${answer.status} to events.`);
}

// What Nova's sagas share: they load their server, record events of their action and word failures.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { FaultFacts } from '#contracts/nova/facts.ts';
import type { NovaDeps } from '../deps.ts';
import { failAction, recordEvent } from '../store/actions.ts';
import { findServer } from '../store/servers.ts';
import type { Server } from '../store/servers.ts';

/** Every nova saga's input has these. */
export interface ServerInput {
  serverId: string;
  actionId: string;
}

/** The server, if it still exists. A saga of a server that is gone has nothing to do but end. */
export async function serverOf(deps: NovaDeps, input: ServerInput): Promise<Outcome<Server>> {
  return (
    (await findServer(deps.database.db, input.serverId, null)) ??
    fault('notFound', `Instance ${input.serverId} could not be found.`)
  );
}

/** As `serverOf`. conflict: it is on no host. */
export async function serverOnHost(
  deps: NovaDeps,
  input: ServerInput,
): Promise<Outcome<Server & { host: string }>> {
  const server = await serverOf(deps, input);
  if (isFault(server)) return server;
  return server.host === null
    ? fault('conflict', `Instance ${server.id} is on no host.`)
    : { ...server, host: server.host };
}

/** Runs one part of an action and records it as an event: name, host, result. */
export async function asEvent<T>(
  deps: NovaDeps,
  input: ServerInput,
  event: { seq: number; name: string; host: string | null },
  work: () => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const startedAtMs = deps.clock.now();
  const result = await work();
  await recordEvent(deps.database.db, {
    action_id: input.actionId,
    seq: event.seq,
    name: event.name,
    host: event.host,
    result: isFault(result) ? 'Error' : 'Success',
    details: isFault(result) ? result.message : null,
    started_at_ms: startedAtMs,
    finished_at_ms: deps.clock.now(),
  });
  return result;
}

/** The fault, marked: no other host would do better. As Nova's BuildAbortException. */
export const hopeless = ({ kind, message, detail }: Fault): Fault =>
  fault(kind, message, { ...detail, hopeless: 'yes' });
export const isHopeless = ({ detail }: Fault): boolean => detail['hopeless'] !== undefined;

/**
 * What the tenant asked for cannot be, on any host: an image that may not be used, or too large a
 * one.
 */
export const isTenants = ({ kind }: Fault): boolean => kind === 'badRequest' || kind === 'tooLarge';

/** The action's last word when it failed. */
export async function logFailure(deps: NovaDeps, input: ServerInput): Promise<void> {
  await failAction(deps.database.db, input.actionId, 'Error', deps.clock.now());
}

/** The fault a tenant sees: the reason, without the insides. */
export function faultText(reason: Fault, nowMs: number): string {
  const facts: FaultFacts = {
    code: isTenants(reason) ? 400 : 500,
    createdMs: nowMs,
    message: reason.message.slice(0, 255),
    details: reason.message,
  };
  return JSON.stringify(facts);
}

// Helpers that Nova's sagas share: load the server, record action events, word faults.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { FaultFacts } from '#contracts/nova/facts.ts';
import type { NovaDeps } from '../deps.ts';
import { failAction, recordEvent } from '../store/actions.ts';
import { findServer } from '../store/servers.ts';
import type { Server } from '../store/servers.ts';

/** Part of the input of each of Nova's sagas. */
export interface ServerInput {
  serverId: string;
  actionId: string;
}

/** Reads the server. notFound: it is deleted, so the saga should end. */
export async function serverOf(deps: NovaDeps, input: ServerInput): Promise<Outcome<Server>> {
  return (
    (await findServer(deps.database.db, input.serverId, null)) ??
    fault('notFound', `Instance ${input.serverId} could not be found.`)
  );
}

/** As `serverOf`. conflict: the server has no host. */
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

/** Marks a fault as hopeless: no other host could do better, as Nova's BuildAbortException. */
export const hopeless = ({ kind, message, detail }: Fault): Fault =>
  fault(kind, message, { ...detail, hopeless: 'yes' });
export const isHopeless = ({ detail }: Fault): boolean => detail['hopeless'] !== undefined;

/**
 * Whether the fault is due to the tenant's request, on any host: an image that may not be used, or
 * is too large.
 */
export const isTenants = ({ kind }: Fault): boolean => kind === 'badRequest' || kind === 'tooLarge';

/** Ends the action's log entry with the result 'Error'. */
export async function logFailure(deps: NovaDeps, input: ServerInput): Promise<void> {
  await failAction(deps.database.db, input.actionId, 'Error', deps.clock.now());
}

/** The JSON of a server's `fault`: the reason's message without internal details. */
export function faultText(reason: Fault, nowMs: number): string {
  const facts: FaultFacts = {
    code: isTenants(reason) ? 400 : 500,
    createdMs: nowMs,
    message: reason.message.slice(0, 255),
    details: reason.message,
  };
  return JSON.stringify(facts);
}

// The wire format of bus messages over AMQP: a JSON body; the method is in the property `type`.
import type { FaultRecord, Outcome } from '#contracts/common/fault.ts';
import { Fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { FenceToken } from '../../fence.ts';
import { copyJson } from '../copy-json.ts';

export interface WireMessage {
  params: JsonObject;
  requestId: string;
  /** The fence of the sender (a saga step or task); null: the sender has none. */
  fence: FenceToken | null;
}

export type WireReply = { value?: Json } | { fault: FaultRecord } | { error: string };

/**
 * Type of the first, early reply to a call that takes long: the consumer accepts the call. The body
 * is the name of a queue that exists as long as the consumer, so the caller can notice its death.
 */
export const acceptedType = 'accepted';
/** Type of the caller's ping to that queue: the broker returns it when the queue is gone. */
export const aliveType = 'alive';

/**
 * Content type of all messages. Not application/json: the client library would parse that by
 * itself.
 */
const contentType = 'application/vnd.cobaltcore.rpc+json';

/** Encodes a message for the client library. Throws if `params` is not plain JSON. */
export const encodeMessage = (message: WireMessage) => ({
  contentType,
  body: Buffer.from(JSON.stringify({ ...message, params: copyJson(message.params) })),
});

export const encodeReply = (outcome: Outcome<Json | undefined>): Buffer => {
  const reply: WireReply = isFault(outcome)
    ? { fault: outcome.toJSON() }
    : outcome === undefined
      ? {}
      : { value: copyJson(outcome) };
  return Buffer.from(JSON.stringify(reply));
};

export const encodeError = (error: unknown): Buffer =>
  Buffer.from(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));

// Both casts are safe: bodies are written only by this file, here or in another process.
export const decodeMessage = (body: Buffer): WireMessage =>
  JSON.parse(body.toString()) as WireMessage;

/** Decodes a reply. Throws if the handler threw; `called` names the call in the error. */
export function decodeReply(body: Buffer, called: string): Outcome<Json | undefined> {
  const reply = JSON.parse(body.toString()) as WireReply;
  if ('error' in reply) throw new Error(`${called} failed: ${reply.error}`);
  return 'fault' in reply ? Fault.from(reply.fault) : reply.value;
}

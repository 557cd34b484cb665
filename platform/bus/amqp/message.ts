// What a message of the bus is on the wire: JSON, the method in the property `type`.
import type { FaultRecord, Outcome } from '#contracts/common/fault.ts';
import { Fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { FenceToken } from '../../fence.ts';
import { copyJson } from '../copy-json.ts';

export interface WireMessage {
  params: JsonObject;
  requestId: string;
  /** null: the work that sent it had none. */
  fence: FenceToken | null;
}

export type WireReply = { value?: Json } | { fault: FaultRecord } | { error: string };

/**
 * Type of a first reply to a call that takes long: its body is the name of a queue that lives as
 * long as the consumer, so that the caller learns when that has died.
 */
export const acceptedType = 'accepted';
/** Type of what a caller sends there: it comes back where the queue has gone. */
export const aliveType = 'alive';

/** Not plain application/json, which the client library would parse by itself. */
const contentType = 'application/vnd.cobaltcore.rpc+json';

/** Throws where `params` is not plain JSON. */
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

// both written by this file, here or in another process of the cloud
export const decodeMessage = (body: Buffer): WireMessage =>
  JSON.parse(body.toString()) as WireMessage;

/** Throws the handler's error, with what was called. */
export function decodeReply(body: Buffer, called: string): Outcome<Json | undefined> {
  const reply = JSON.parse(body.toString()) as WireReply;
  if ('error' in reply) throw new Error(`${called} failed: ${reply.error}`);
  return 'fault' in reply ? Fault.from(reply.fault) : reply.value;
}

// Sends one HTTP request, with a deadline for the whole exchange and a limit on the answer's size.
// Redirects are returned, not followed: nothing is sent to an address that the caller did not name.
// Used by drivers of BMCs and filers, the Kubernetes client, and emulated BMCs for their events;
// clients of OpenStack services use openstack/http/client.ts.
import { request as plainRequest } from 'node:http';
import type { Agent as PlainAgent, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Agent as TlsAgent } from 'node:https';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Clock } from '../clock.ts';

export interface OutgoingRequest {
  method: string;
  url: URL;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** An agent for the URL's protocol; a TLS agent holds the certificates to trust. */
  agent?: PlainAgent | TlsAgent;
  /** From the start to the last byte of the answer, even if bytes keep arriving. */
  timeoutMs: number;
  maxAnswerBytes: number;
}

export interface ReceivedAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/**
 * Sends the request. Every HTTP status is an answer. Faults: `unavailable` when the server is not
 * reached, breaks off, does not speak HTTP, or answers too long; `timeout`. Faults name the method
 * and the URL without its query, and no header, since those may hold credentials.
 */
export async function sendRequest(
  { method, url, headers = {}, body, agent, timeoutMs, maxAnswerBytes }: OutgoingRequest,
  clock: Pick<Clock, 'deadline'>,
): Promise<Outcome<ReceivedAnswer>> {
  const start = url.protocol === 'https:' ? tlsRequest : plainRequest;
  const deadline = clock.deadline(timeoutMs);
  const { signal } = deadline;
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { method, agent, signal, headers: { ...headers, ...length } };
      start(url, options, resolve).on('error', reject).end(body);
    });
    return {
      status: answer.statusCode ?? 0,
      headers: answer.headers,
      body: await bytesOf(answer, maxAnswerBytes),
    };
  } catch (error) {
    const call = `${method} ${url.origin}${url.pathname}`;
    if (signal.aborted) return fault('timeout', `no answer to ${call} in ${timeoutMs / 1000} s`);
    return fault('unavailable', `no answer to ${call}: ${reasonOf(error)}`);
  } finally {
    deadline.clear();
  }
}

async function bytesOf(answer: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  // Leaving the loop destroys the stream, and with it the connection.
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBytes) throw new Error(`it is longer than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/**
 * The error's message. For a server with several addresses Node throws an AggregateError: its first
 * reason.
 */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

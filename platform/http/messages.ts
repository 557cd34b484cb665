// The messages between the HTTP server and the handler of its requests: a request whose body is
// unread, a reply that may be JSON, text, bytes or a stream.
import type { Readable } from 'node:stream';
import type { Json } from '#contracts/common/json.ts';

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

/** Query parameters as sent, repeated ones in order. */
export type Query = Readonly<Record<string, readonly string[]>>;

/**
 * JSON that is serialised already: for long replies made of repeated pieces. An in-process caller
 * receives it parsed.
 */
export class JsonText {
  readonly text: string;
  #bytes: Buffer | undefined;
  constructor(text: string) {
    this.text = text;
  }
  /** UTF-8, encoded once, also for a reply that is cached. */
  get bytes(): Buffer {
    return (this.#bytes ??= Buffer.from(this.text));
  }
}

export interface RawRequest {
  method: HttpMethod;
  /** Path without the query, percent-encoded as sent. */
  path: string;
  /** Without the question mark. */
  query: string;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | undefined>>;
  /** JSON from an in-process caller, bytes from a socket, or nothing. */
  body: { json: Json } | { stream: Readable } | null;
  /** `http://host:port` under which the caller reached this server. */
  origin: string;
  /** The remote address of the socket; none in-process. */
  source?: string | undefined;
  /** Whom a client certificate names that the server's authority has signed. */
  client?: ClientIdentity | undefined;
}

/** Common name and organisations of a certificate. */
export interface ClientIdentity {
  name: string;
  groups: readonly string[];
}

export interface RawReply {
  status: number;
  headers: Record<string, string>;
  body: Json | JsonText | Readable | Buffer | undefined;
}

/** Answers every request, also with an error: it never rejects. */
export interface HttpHandler {
  handle(raw: RawRequest): Promise<RawReply>;
}

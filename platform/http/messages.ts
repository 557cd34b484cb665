// The messages between the HTTP server and the handler: a request whose body is not read yet, and a
// reply that may be JSON, text, bytes or a stream.
import type { Readable } from 'node:stream';
import type { Json } from '#contracts/common/json.ts';

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

/** Decoded query parameters; a name's values are in the order in which they were sent. */
export type Query = Readonly<Record<string, readonly string[]>>;

/**
 * JSON that is serialised already, for long replies made of cached pieces. An in-process caller
 * receives it parsed.
 */
export class JsonText {
  readonly text: string;
  #bytes: Buffer | undefined;
  constructor(text: string) {
    this.text = text;
  }
  /** The text as UTF-8; encoded once, also when a cached reply is sent many times. */
  get bytes(): Buffer {
    return (this.#bytes ??= Buffer.from(this.text));
  }
}

export interface RawRequest {
  method: HttpMethod;
  /** Path without the query, percent-encoded as sent. */
  path: string;
  /** The query string without the question mark. */
  query: string;
  /** Header names are in lower case. */
  headers: Readonly<Record<string, string | undefined>>;
  /** JSON from an in-process caller, bytes from a socket, or nothing. */
  body: { json: Json } | { stream: Readable } | null;
  /** `http://host:port` as the client addressed this server; the base of links in replies. */
  origin: string;
  /** The remote address of the socket; undefined for in-process callers. */
  source?: string | undefined;
  /** The subject of a client certificate that the server's authority has signed. */
  client?: ClientIdentity | undefined;
}

/** Common name and organisations of a client certificate. */
export interface ClientIdentity {
  name: string;
  groups: readonly string[];
}

export interface RawReply {
  status: number;
  headers: Record<string, string>;
  body: Json | JsonText | Readable | Buffer | undefined;
}

/** Answers every request, errors included: `handle` never rejects. */
export interface HttpHandler {
  handle(raw: RawRequest): Promise<RawReply>;
}

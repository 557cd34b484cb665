// What passes between the HTTP server and whoever answers its requests: a request with its bytes
// unread, an answer that may be JSON, text, bytes or a stream.
import type { Readable } from 'node:stream';
import type { Json } from '#contracts/common/json.ts';

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

/** Query parameters as sent, repeats in order. */
export type Query = Readonly<Record<string, readonly string[]>>;

/**
 * JSON that is written already: for long answers made of pieces that repeat. An in-process caller
 * gets it parsed.
 */
export class JsonText {
  readonly text: string;
  #bytes: Buffer | undefined;
  constructor(text: string) {
    this.text = text;
  }
  /** UTF-8, made once: an answer that is kept is encoded once. */
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
  /** JSON handed over in-process, bytes from a socket, or nothing. */
  body: { json: Json } | { stream: Readable } | null;
  /** `http://host:port` as the caller knows us. */
  origin: string;
  /** Address of the caller's end of the socket; none in-process. */
  source?: string | undefined;
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

// How a Kubernetes client reaches its server: over a socket (socket-transport.ts) or in the process
// of our own server (in-process-transport.ts).
import type { Outcome } from '#contracts/common/fault.ts';

export interface KubeRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** Path with its query. */
  path: string;
  contentType?: string;
  body?: unknown;
  timeoutMs: number;
}

export interface KubeReply {
  status: number;
  body: unknown;
}

export interface KubeTransport {
  /** Sends one request. unavailable or timeout: no answer came. */
  send(request: KubeRequest): Promise<Outcome<KubeReply>>;
  /**
   * Starts a watch: calls `onLine` with each line of the answer, parsed. Resolves when the answer
   * ends or the signal aborts. A refusal is returned as the reply.
   */
  stream(
    path: string,
    onLine: (line: unknown) => void,
    signal: AbortSignal,
  ): Promise<Outcome<KubeReply>>;
}

// How a Kubernetes client reaches its server: in the process of our own one
// (in-process-transport.ts). One over a socket has the same face.
import type { Outcome } from '#contracts/common/fault.ts';

export interface KubeRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** With its query. */
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
  /** unavailable or timeout: no answer came. */
  send(request: KubeRequest): Promise<Outcome<KubeReply>>;
  /**
   * A watch: each line of the answer, parsed, until it ends or the signal is aborted. Resolves
   * then. A refusal is given as the reply.
   */
  stream(
    path: string,
    onLine: (line: unknown) => void,
    signal: AbortSignal,
  ): Promise<Outcome<KubeReply>>;
}

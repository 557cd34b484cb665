// The pages by which load balancers and operators check a process: /healthz (it answers), /readyz
// (its peers answer too, and it is not stopping) and /metrics. Served without a token.
import type { Clock } from '#platform/clock.ts';
import { withDeadline } from '#platform/clock.ts';
import type { PageReply } from '#platform/http/server.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';

/** A database, broker or other server that the process needs. */
export interface Peer {
  /** E.g. 'database nova'. */
  name: string;
  /** Resolves to what is wrong with the peer; undefined if nothing is. May throw instead. */
  trouble(): Promise<string | undefined>;
}

export interface Health {
  /** Makes /readyz fail from now on, so that load balancers send no new requests. */
  drain(): void;
  /** The page at this path; undefined for any other path. */
  page(path: string): Promise<PageReply | undefined>;
  /** What is wrong with each peer that does not answer. */
  troubles(): Promise<{ peer: string; trouble: string }[]>;
}

const answerWithinMs = 2_000;

export function createHealth(
  peers: readonly Peer[],
  { clock, metrics }: { clock: Clock; metrics: Metrics },
): Health {
  let isDraining = false;

  const troubleOf = async ({ name, trouble }: Peer) => {
    const message = await withDeadline(
      trouble().catch((error: unknown) => messageOf(error)),
      answerWithinMs,
      () => `no answer within ${answerWithinMs} ms`,
      clock,
    );
    return message === undefined ? [] : [{ peer: name, trouble: message }];
  };
  const troubles = async () => (await Promise.all(peers.map(troubleOf))).flat();

  return {
    drain: () => void (isDraining = true),
    troubles,
    async page(path) {
      switch (path) {
        case '/healthz':
          return { status: 200, type: 'text/plain', body: 'ok\n' };
        case '/readyz': {
          const currentTroubles = isDraining
            ? [{ peer: 'this process', trouble: 'it is stopping' }]
            : await troubles();
          return {
            status: currentTroubles.length === 0 ? 200 : 503,
            type: 'application/json',
            body: JSON.stringify({
              ready: currentTroubles.length === 0,
              troubles: currentTroubles,
            }),
          };
        }
        case '/metrics':
          return { status: 200, type: 'text/plain; version=0.0.4', body: await metrics.text() };
        default:
          return undefined;
      }
    },
  };
}

/** The error's message, or its code: some errors of drivers have no message. */
const messageOf = (error: unknown): string =>
  error instanceof Error
    ? error.message || String((error as { code?: string }).code ?? error.name)
    : String(error);

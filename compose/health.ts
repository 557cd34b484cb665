// What tells a load balancer and an operator how a process is: /healthz (it answers at all),
// /readyz (its peers answer as well, and it does not stop) and /metrics. Served without a token.
import type { Clock } from '#platform/clock.ts';
import { withDeadline } from '#platform/clock.ts';
import type { PageReply } from '#platform/http/server.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';

/** A peer that the process cannot work without. */
export interface Peer {
  /** e.g. 'database nova'. */
  name: string;
  /** Resolves to what is wrong with it, or undefined. May throw. */
  trouble(): Promise<string | undefined>;
}

export interface Health {
  /** From now on it is not ready, so that no new requests are sent to it. */
  drain(): void;
  /** undefined: none of these pages. */
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
    const found = await withDeadline(
      trouble().catch((error: unknown) => messageOf(error)),
      answerWithinMs,
      () => `no answer within ${answerWithinMs} ms`,
      clock,
    );
    return found === undefined ? [] : [{ peer: name, trouble: found }];
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
          const found = isDraining
            ? [{ peer: 'this process', trouble: 'it is stopping' }]
            : await troubles();
          return {
            status: found.length === 0 ? 200 : 503,
            type: 'application/json',
            body: JSON.stringify({ ready: found.length === 0, troubles: found }),
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

/** Some errors of drivers have no message of their own but a code. */
const messageOf = (error: unknown): string =>
  error instanceof Error
    ? error.message || String((error as { code?: string }).code ?? error.name)
    : String(error);

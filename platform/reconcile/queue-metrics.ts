// The metrics of work queues and of the controllers that work on them, by the names that
// controller-runtime and client-go give them, which existing alerts and dashboards query.
// https://book.kubebuilder.io/reference/metrics-reference
import type { Metrics } from '../metrics/metrics.ts';

/** As controller-runtime tells them: what a look at one key has ended with. */
export type ReconcileResult = 'success' | 'requeue_after' | 'error';

/** Told by one queue of its work. */
export interface QueueObserver {
  /** A key that did not wait yet waits to be looked at. */
  added(): void;
  /** A key is to be looked at again later. */
  postponed(): void;
  reconciled(result: ReconcileResult, ms: number): void;
}

export interface QueueMetrics {
  /** `name`: of the queue and its controller; once each. `waiting`: keys that wait now. */
  observe(name: string, waiting: () => number): QueueObserver;
}

/** Once for all queues of a process. */
export function createQueueMetrics(
  metrics: Pick<Metrics, 'counter' | 'gauge' | 'histogram'>,
): QueueMetrics {
  const waitingIn = new Map<string, () => number>();
  const looks = metrics.counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Looks of a controller at one object, by what they ended with: success, requeue_after or error',
    labelNames: ['controller', 'result'],
  });
  const errors = metrics.counter({
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Looks of a controller at one object that failed; each is repeated, later each time',
    labelNames: ['controller'],
  });
  const seconds = metrics.histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Seconds that a look of a controller at one object took',
    labelNames: ['controller'],
  });
  metrics.gauge(
    { name: 'workqueue_depth', help: 'Objects that wait for their look', labelNames: ['name'] },
    () => Array.from(waitingIn, ([name, waiting]) => ({ labels: { name }, value: waiting() })),
  );
  const adds = metrics.counter({
    name: 'workqueue_adds_total',
    help: 'Objects that were put into the queue; one that waits already is not counted again',
    labelNames: ['name'],
  });
  const retries = metrics.counter({
    name: 'workqueue_retries_total',
    help: 'Objects that are to be looked at again later, after an error or at a time of their own',
    labelNames: ['name'],
  });
  return {
    observe(name, waiting) {
      waitingIn.set(name, waiting);
      const controller = name;
      // A rate needs a first value: https://prometheus.io/docs/practices/instrumentation/
      for (const result of ['success', 'requeue_after', 'error'] satisfies ReconcileResult[])
        looks({ controller, result }, 0);
      errors({ controller }, 0);
      adds({ name }, 0);
      retries({ name }, 0);
      return {
        added: () => adds({ name }),
        postponed: () => retries({ name }),
        reconciled(result, ms) {
          looks({ controller, result });
          if (result === 'error') errors({ controller });
          seconds({ controller }, ms / 1000);
        },
      };
    },
  };
}

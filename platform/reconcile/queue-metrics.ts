// The metrics of work queues and of the controllers that work on them, by the names that
// controller-runtime and client-go give them, which existing alerts and dashboards query.
// https://book.kubebuilder.io/reference/metrics-reference
import type { Metrics } from '../metrics/metrics.ts';

/** The outcome of one reconciliation, by the names that controller-runtime uses. */
export type ReconcileResult = 'success' | 'requeue_after' | 'error';

/** Called by a work queue for each of its events. */
export interface QueueObserver {
  /** A key was added to the waiting keys; not called for one that waits already. */
  added(): void;
  /** A key will be added again after a delay. */
  postponed(): void;
  reconciled(result: ReconcileResult, ms: number): void;
}

export interface QueueMetrics {
  /**
   * Registers a queue; call once per name, which is also the name of its controller. `waiting`
   * returns the number of waiting keys.
   */
  observe(name: string, waiting: () => number): QueueObserver;
}

/** Declares the families; call once per process. */
export function createQueueMetrics(
  metrics: Pick<Metrics, 'counter' | 'gauge' | 'histogram'>,
): QueueMetrics {
  const waitingIn = new Map<string, () => number>();
  const reconciliations = metrics.counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciliations of one object by a controller, by result: success, requeue_after or error',
    labelNames: ['controller', 'result'],
  });
  const errors = metrics.counter({
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Reconciliations that failed; each is retried with a growing delay',
    labelNames: ['controller'],
  });
  const seconds = metrics.histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Seconds one reconciliation of an object took',
    labelNames: ['controller'],
  });
  metrics.gauge(
    {
      name: 'workqueue_depth',
      help: 'Objects that wait for their reconciliation',
      labelNames: ['name'],
    },
    () => Array.from(waitingIn, ([name, waiting]) => ({ labels: { name }, value: waiting() })),
  );
  const adds = metrics.counter({
    name: 'workqueue_adds_total',
    help: 'Objects added to the queue; one that waits already is not counted again',
    labelNames: ['name'],
  });
  const retries = metrics.counter({
    name: 'workqueue_retries_total',
    help: 'Objects added again after a delay, because of an error or because the controller asked for it',
    labelNames: ['name'],
  });
  return {
    observe(name, waiting) {
      waitingIn.set(name, waiting);
      const controller = name;
      // Counters start at 0, so that rate() sees the first event: https://prometheus.io/docs/practices/instrumentation/
      for (const result of ['success', 'requeue_after', 'error'] satisfies ReconcileResult[])
        reconciliations({ controller, result }, 0);
      errors({ controller }, 0);
      adds({ name }, 0);
      retries({ name }, 0);
      return {
        added: () => adds({ name }),
        postponed: () => retries({ name }),
        reconciled(result, ms) {
          reconciliations({ controller, result });
          if (result === 'error') errors({ controller });
          seconds({ controller }, ms / 1000);
        },
      };
    },
  };
}

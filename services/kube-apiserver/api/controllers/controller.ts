// Runs the API server's own controllers. A change only wakes a controller, which then reads the
// current state; it also runs periodically, so a missed event causes a delay but no error.
import type { Repetition } from '#platform/clock.ts';
import type { Change } from '../../store/object-store.ts';
import type { KubeDeps } from '../deps.ts';

export interface Controller {
  name: string;
  /** Whether this change should wake the controller. */
  concerns(change: Change): boolean;
  /**
   * Brings everything the controller is responsible for into its wanted state. Idempotent; never
   * runs concurrently with itself.
   */
  reconcile(): Promise<void>;
}

/** Write options of controllers: the field manager is the API server itself. */
export const itself = {
  manager: 'kube-apiserver',
  dryRun: false,
  fieldValidation: 'Ignore',
  subresource: '',
} as const;

const resyncMs = 30_000;
const retryMs = 500;

/**
 * Runs the controller until it is stopped: at once, after each change that concerns it, and every
 * `resyncMs`.
 */
export function runController(deps: KubeDeps, controller: Controller): { stop(): Promise<void> } {
  const { clock, store, log } = deps;
  let isWanted = true;
  let running: Promise<void> | undefined;
  let isStopped = false;
  const run = async (): Promise<void> => {
    while (isWanted && !isStopped) {
      isWanted = false;
      try {
        await controller.reconcile();
      } catch (error) {
        log.error(
          { err: error, controller: controller.name },
          'a controller failed; it tries again',
        );
        isWanted = true;
        await clock.sleep(retryMs, { unref: true });
      }
    }
  };
  const wake = (): void => {
    isWanted = true;
    // Started in a later microtask, so that all listeners are told of the change first.
    running ??= Promise.resolve()
      .then(run)
      .finally(() => {
        running = undefined;
        if (isWanted && !isStopped) wake();
      });
  };
  const forget = store.onChange((change) => {
    if (controller.concerns(change)) wake();
  });
  const resync: Repetition = clock.every(resyncMs, wake, { onError: () => undefined });
  wake();
  return {
    async stop() {
      isStopped = true;
      forget();
      await resync.stop();
      await running;
    },
  };
}

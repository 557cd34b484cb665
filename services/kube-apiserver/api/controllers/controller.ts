// What the API server keeps true by itself. A controller is told which objects changed, and looks
// at them again after a while: a missed event costs time, never truth.
import type { Repetition } from '#platform/clock.ts';
import type { Change } from '../../store/object-store.ts';
import type { KubeDeps } from '../deps.ts';

export interface Controller {
  name: string;
  /** Whether a change is one that it looks at. */
  concerns(change: Change): boolean;
  /** Looks at everything it keeps true. Safe to repeat; one at a time. */
  reconcile(): Promise<void>;
}

/** How a controller writes: as the API server, whatever its own fields are. */
export const itself = {
  manager: 'kube-apiserver',
  dryRun: false,
  fieldValidation: 'Ignore',
  subresource: '',
} as const;

const resyncMs = 30_000;
const retryMs = 500;

/** Runs it until it is stopped: at once, after each change that concerns it, and every 30 s. */
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
    // after the change was told to everybody
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

// Handles promise rejections that no code handles: each is a bug of one request, and no reason to
// end the process for all.
import type { Log } from './log.ts';

/**
 * Logs them from now on. An uncaught exception still ends the process, which may be in an
 * inconsistent state; it is restarted.
 */
export function logRejections(log: Log): void {
  process.on('unhandledRejection', (reason) =>
    log.error({ err: reason }, 'a promise was rejected and nobody heard it'),
  );
}

// Handles unhandled promise rejections: each is a bug that concerns one request, and must not end
// the process for all.
import type { Log } from './log.ts';

/**
 * Logs unhandled rejections from now on. An uncaught exception still ends the process, whose state
 * may be inconsistent by then; its supervisor restarts it.
 */
export function logRejections(log: Log): void {
  process.on('unhandledRejection', (reason) =>
    log.error({ err: reason }, 'a promise was rejected and nobody heard it'),
  );
}

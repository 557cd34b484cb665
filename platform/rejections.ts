// The net below promises whose rejection nobody hears: a bug each, but one request's, and no reason
// to end everybody's process.
import type { Log } from './log.ts';

/**
 * From now on they are logged. An uncaught exception still ends the process: what it left half done
 * is unknown, so it starts anew.
 */
export function logRejections(log: Log): void {
  process.on('unhandledRejection', (reason) =>
    log.error({ err: reason }, 'a promise was rejected and nobody heard it'),
  );
}

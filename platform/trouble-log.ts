// Logs a lasting problem once when it begins or changes, and once when it is over. For operations
// that are retried every few seconds.
import { isFault } from '#contracts/common/fault.ts';
import type { Log } from './log.ts';

export interface TroubleLog {
  /**
   * Notes the latest outcome of `what`. A fault with the same text as the previous one is not
   * logged again.
   */
  note(what: string, outcome: unknown, message: string): void;
}

export function createTroubleLog(log: Log): TroubleLog {
  const lasting = new Map<string, string>();
  return {
    note(what, outcome, message) {
      const before = lasting.get(what);
      if (!isFault(outcome)) {
        if (before !== undefined) log.info({ why: before }, `over: ${message}`);
        lasting.delete(what);
        return;
      }
      if (before !== outcome.message) log.warn({ why: outcome.message }, message);
      lasting.set(what, outcome.message);
    },
  };
}

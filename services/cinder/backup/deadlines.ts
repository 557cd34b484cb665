// Deadlines and retries of cinder-backup's saga steps, other than those that copy volumes.

/** Deadline of a step that copies no data. */
export const quickDeadlineMs = 120_000;
/** Retries of a step on the backup store: about 3 s, enough for a store that restarts. */
export const storeRetries = 5;

// How long the steps of cinder-backup that copy no volume may take, and how often they are tried.

/** Of a step that moves no bytes. */
export const quickDeadlineMs = 120_000;
/** Steps on a store are tried again for 3 s: one that restarts is not noticed. */
export const storeRetries = 5;

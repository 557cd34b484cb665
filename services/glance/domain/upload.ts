// Whether an upload has died with its process.

export interface RunningUpload {
  key: string;
  /** The name of the process that runs it; null: unknown. */
  owner: string | null;
  /** The time of its last heartbeat. */
  seenMs: number;
}

/**
 * An upload of another process is dead when its lease has expired. One in this process's own name
 * is dead at once if this process is not writing it: it is from before a restart.
 */
export function isDead(
  { key, owner, seenMs }: RunningUpload,
  own: { name: string; writing: ReadonlySet<string> },
  { nowMs, leaseMs }: { nowMs: number; leaseMs: number },
): boolean {
  if (own.writing.has(key)) return false;
  return owner === own.name || seenMs <= nowMs - leaseMs;
}

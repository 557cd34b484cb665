// When an upload has died with its process.

export interface RunningUpload {
  key: string;
  /** The process that has it; null: unknown. */
  owner: string | null;
  /** When that process was last heard of. */
  seenMs: number;
}

/**
 * Another process's upload is dead when its lease has run out. One of this process's name is dead
 * at once if this life of it does not write it: an earlier life did.
 */
export function isDead(
  { key, owner, seenMs }: RunningUpload,
  own: { name: string; writing: ReadonlySet<string> },
  { nowMs, leaseMs }: { nowMs: number; leaseMs: number },
): boolean {
  if (own.writing.has(key)) return false;
  return owner === own.name || seenMs <= nowMs - leaseMs;
}

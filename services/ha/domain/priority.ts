// Whether, and when, a server is brought back: by the words of its owner, else of its flavor, else
// of its image. Pure.

/** `HA_Enabled` is masakari's word. */
export const wishKeys = { enabled: 'HA_Enabled', priority: 'ha:priority' } as const;

export interface RecoveryWish {
  /** Of the server, the flavor's extra specs and the image's properties, the first that has it. */
  isWanted: boolean;
  /** Greater ones first; those that are equal start together. 0 by default. */
  priority: number;
}

export function recoveryWish(...levels: readonly Readonly<Record<string, string>>[]): RecoveryWish {
  const first = (key: string): string | undefined =>
    levels.find((level) => Object.hasOwn(level, key))?.[key];
  const priority = Number(first(wishKeys.priority) ?? 0);
  return {
    isWanted: !/^(false|no|0)$/i.test(first(wishKeys.enabled)?.trim() ?? 'true'),
    priority: Number.isFinite(priority) ? Math.trunc(priority) : 0,
  };
}

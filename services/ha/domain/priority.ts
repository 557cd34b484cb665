// Whether and in which order a server is recovered, as set on the server's metadata, else on its
// flavor, else on its image. Pure.

/** `HA_Enabled` is masakari's name for this property. */
export const policyKeys = { enabled: 'HA_Enabled', priority: 'ha:priority' } as const;

export interface RecoveryPolicy {
  /**
   * Read from the first of metadata, extra specs and image properties that has the key. Default:
   * true.
   */
  isWanted: boolean;
  /** Higher priorities are evacuated first, equal ones together. 0 by default. */
  priority: number;
}

export function recoveryPolicy(
  ...levels: readonly Readonly<Record<string, string>>[]
): RecoveryPolicy {
  const first = (key: string): string | undefined =>
    levels.find((level) => Object.hasOwn(level, key))?.[key];
  const priority = Number(first(policyKeys.priority) ?? 0);
  return {
    isWanted: !/^(false|no|0)$/i.test(first(policyKeys.enabled)?.trim() ?? 'true'),
    priority: Number.isFinite(priority) ? Math.trunc(priority) : 0,
  };
}

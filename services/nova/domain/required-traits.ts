// Flavor extra specs `trait:X=required|forbidden` as traits for Placement.
// https://docs.openstack.org/nova/latest/user/flavors.html#extra-specs-required-traits

/** Hosts that an operator disabled carry this trait, so that Placement leaves them out at once. */
export const disabledTrait = 'COMPUTE_STATUS_DISABLED';

export function requiredTraits(extraSpecs: Readonly<Record<string, string>>): { required: string[]; forbidden: string[] } {
  const named = (value: string): string[] => Object.entries(extraSpecs).filter(([key, setting]) => /^trait\d*:/.test(key) && setting === value).map(([key]) => key.slice(key.indexOf(':') + 1));
  return { required: named('required'), forbidden: named('forbidden') };
}

// Converts the extra specs `trait:X=required|forbidden` of a flavor to a Placement query.
// https://docs.openstack.org/nova/latest/user/flavors.html#extra-specs-required-traits

export function requiredTraits(extraSpecs: Readonly<Record<string, string>>): {
  required: string[];
  forbidden: string[];
} {
  const named = (value: string): string[] =>
    Object.entries(extraSpecs)
      .filter(([key, setting]) => /^trait\d*:/.test(key) && setting === value)
      .map(([key]) => key.slice(key.indexOf(':') + 1));
  return { required: named('required'), forbidden: named('forbidden') };
}

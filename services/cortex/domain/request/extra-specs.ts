// Extra specs of a flavor that request resources, traits and devices, in all spellings.
// https://docs.openstack.org/nova/latest/configuration/extra-specs.html

type ExtraSpecs = Readonly<Record<string, string>>;

/**
 * A suffix names a group for one provider of the host's tree: `resources1:VGPU`,
 * `trait_GPU:CUSTOM_X`. The fleet treats a host's tree as one provider, so the suffix is ignored.
 */
const resourceKey = /^resources(?:\d+|_[\w-]+)?:(\w+)$/;
const traitKey = /^trait(?:\d+|_[\w-]+)?:(\w+)$/;

export interface FlavorSizes {
  vcpus: number;
  memoryMib: number;
  diskGib: number;
}

/** The resource class for devices of an alias in `[pci] alias`. */
export const pciAliasClass = (alias: string): string => `PCI:${alias}`;

/**
 * Amounts for one server by resource class. `resources:` specs override the flavor's own sizes, 0
 * removes one: nova.scheduler.utils, ResourceRequest.
 */
export function resourcesOf(
  specs: ExtraSpecs,
  { vcpus, memoryMib, diskGib }: FlavorSizes,
): Map<string, number> {
  const wanted = new Map([
    ['VCPU', vcpus],
    ['MEMORY_MB', memoryMib],
    ['DISK_GB', diskGib],
  ]);
  const overrides = new Map<string, number>();
  for (const [key, text] of Object.entries(specs)) {
    const resourceClass = resourceKey.exec(key)?.[1];
    const amount = Number(text);
    if (resourceClass !== undefined && Number.isInteger(amount) && amount >= 0)
      overrides.set(resourceClass, (overrides.get(resourceClass) ?? 0) + amount);
  }
  for (const [resourceClass, amount] of overrides) wanted.set(resourceClass, amount);
  for (const [alias, count] of aliasesIn(specs['pci_passthrough:alias'] ?? ''))
    wanted.set(pciAliasClass(alias), count);
  for (const [resourceClass, amount] of wanted) if (amount === 0) wanted.delete(resourceClass);
  return wanted;
}

/** Parses counts of aliases: 'gpu:2,qat'. */
function aliasesIn(list: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const part of list.split(',')) {
    const [alias = '', count = '1'] = part.trim().split(':');
    if (alias && Number(count) > 0) counts.set(alias, (counts.get(alias) ?? 0) + Number(count));
  }
  return counts;
}

export function traitsOf(specs: ExtraSpecs): { required: string[]; forbidden: string[] } {
  const of = (kind: string): string[] =>
    Object.entries(specs).flatMap(([key, value]) => {
      const trait = traitKey.exec(key)?.[1];
      return trait !== undefined && value.trim().toLowerCase() === kind ? [trait] : [];
    });
  return { required: of('required'), forbidden: of('forbidden') };
}

export function capabilitiesOf(specs: ExtraSpecs): [string, string][] {
  const prefix = 'capabilities:';
  return Object.entries(specs).flatMap(([key, value]): [string, string][] =>
    key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
  );
}

// Names of resource classes and traits: the standard ones of this release, and custom ones.
import { standardResourceClasses, standardTraits } from './standard-names.gen.ts';

export type NameKind = 'resource_classes' | 'traits';

export const customPattern = /^CUSTOM_[A-Z0-9_]{1,248}$/;

const standardClassSet: ReadonlySet<string> = new Set(standardResourceClasses);
const standardTraitSet: ReadonlySet<string> = new Set(standardTraits);
export const isStandardClass = (name: string): boolean => standardClassSet.has(name);
export const isStandardTrait = (name: string): boolean => standardTraitSet.has(name);

/** The names that are not standard, without duplicates. */
export function customNames(kind: NameKind, names: Iterable<string>): string[] {
  const isStandard = kind === 'traits' ? isStandardTrait : isStandardClass;
  return [...new Set(names)].filter((name) => !isStandard(name));
}

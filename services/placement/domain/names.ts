// Resource classes and traits by name: those of the release, and those operators add.
import { standardResourceClasses, standardTraits } from './standard-names.gen.ts';

export type NameKind = 'resource_classes' | 'traits';

export const customPattern = /^CUSTOM_[A-Z0-9_]{1,248}$/;

const standardClassSet: ReadonlySet<string> = new Set(standardResourceClasses);
const standardTraitSet: ReadonlySet<string> = new Set(standardTraits);
export const isStandardClass = (name: string): boolean => standardClassSet.has(name);
export const isStandardTrait = (name: string): boolean => standardTraitSet.has(name);

/** Names that are not of the release, each once. */
export function customNames(kind: NameKind, names: Iterable<string>): string[] {
  const isStandard = kind === 'traits' ? isStandardTrait : isStandardClass;
  return [...new Set(names)].filter((name) => !isStandard(name));
}

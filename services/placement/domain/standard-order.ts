// Display order of resource classes: standard ones in the release's order, then custom ones by
// name.
import { standardResourceClasses } from './standard-names.gen.ts';

const placeOf = new Map<string, number>(
  standardResourceClasses.map((name, place) => [name, place]),
);

export function byStandardOrder(a: string, b: string): number {
  return (placeOf.get(a) ?? Infinity) - (placeOf.get(b) ?? Infinity) || a.localeCompare(b);
}

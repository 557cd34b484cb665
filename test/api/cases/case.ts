// The words of the coverage tables: what happens when somebody of another project calls a route.
import type { Json } from '#contracts/common/json.ts';
import type { Person } from '../api-cloud.ts';

/** What Alice made, by the path that names it: `/compute/v2.1/servers/:id` -> its id. */
export type Objects = ReadonlyMap<string, string>;

/**
 * A route that names an object of a project or user. Bob is refused; Alice's same call reaches it,
 * or the row would prove nothing.
 */
export interface OwnCase {
  body?: Json | ((alice: Person, objects: Objects) => Json);
  headers?: Record<string, string> | ((alice: Person, objects: Objects) => Record<string, string>);
  query?: (alice: Person) => string;
  /** 404 unless told: another project's object is not there. 403 where the contract says so. */
  bob?: 403 | 404;
  /** Where Alice herself gets neither a success nor a 409. */
  alice?: number;
}

export interface RouteCases {
  /** The mount, e.g. '/compute'. */
  mount: string;
  /** In the order in which Alice calls them, so that what deletes comes last. */
  own: Readonly<Record<string, OwnCase>>;
  /** A member gets 403, whatever the path names. */
  adminsOnly: readonly string[];
  /** Names no project's object, with the reason. Nobody is told of Alice's things here. */
  nobodys: Readonly<Record<string, readonly string[]>>;
}

/** `{GET,PUT} /a/{b,c}` -> four routes. */
export function expand(pattern: string): string[] {
  const braces = /\{([^}]*)\}/.exec(pattern);
  if (!braces) return [pattern];
  return (braces[1] ?? '')
    .split(',')
    .flatMap((part) =>
      expand(
        pattern.slice(0, braces.index) + part + pattern.slice(braces.index + braces[0].length),
      ),
    );
}

/**
 * The template with every `:name` replaced by what Alice made there; what nobody made is called
 * `nothing`.
 */
export function concrete(template: string, objects: Objects): string {
  let seen = '';
  const parts = template
    .split('/')
    .slice(1)
    .map((part) => {
      seen += `/${part}`;
      return part.startsWith(':') ? (objects.get(seen) ?? objects.get(part) ?? 'nothing') : part;
    });
  return `/${parts.join('/')}`;
}

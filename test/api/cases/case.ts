// The types of the coverage tables: what happens when a member of another project calls a route.
import type { Json } from '#contracts/common/json.ts';
import type { Person } from '../api-cloud.ts';

/** Objects of Alice's, by the path that names them: `/compute/v2.1/servers/:id` to the id. */
export type Objects = ReadonlyMap<string, string>;

/**
 * A route that names an object of a project or user. Bob is refused; the same call of Alice's
 * reaches the object, otherwise the row would prove nothing.
 */
export interface OwnCase {
  body?: Json | ((alice: Person, objects: Objects) => Json);
  headers?: Record<string, string> | ((alice: Person, objects: Objects) => Record<string, string>);
  query?: (alice: Person) => string;
  /** Default 404: another project's object does not exist for Bob. 403 where the API answers so. */
  bob?: 403 | 404;
  /** The status for Alice where it is neither a success nor 409. */
  alice?: number;
}

export interface RouteCases {
  /** The mount, e.g. '/compute'. */
  mount: string;
  /** In the order in which Alice calls them; those that delete come last. */
  own: Readonly<Record<string, OwnCase>>;
  /** A member gets 403, whatever the path names. */
  adminsOnly: readonly string[];
  /** Routes that name no project's object, with the reason. They disclose nothing of Alice's. */
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

/** The template with every `:name` replaced by Alice's object; without one, by `nothing`. */
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

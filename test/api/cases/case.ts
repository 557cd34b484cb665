// Types of the coverage tables: each route with the answer that a member of another project gets.
import type { Json } from '#contracts/common/json.ts';
import type { Person } from '../api-cloud.ts';

/** Ids of Alice's objects, by the path that names them, e.g. `/compute/v2.1/servers/:id`. */
export type Objects = ReadonlyMap<string, string>;

/**
 * A route that names an object of a project or user. Bob must be refused; the same call by Alice
 * must reach the object, or the refusal would prove nothing.
 */
export interface OwnCase {
  body?: Json | ((alice: Person, objects: Objects) => Json);
  headers?: Record<string, string> | ((alice: Person, objects: Objects) => Record<string, string>);
  query?: (alice: Person) => string;
  /**
   * Bob's status. Default 404: another project's object does not exist for Bob. 403 where the API
   * answers so.
   */
  bob?: 403 | 404;
  /** Alice's status, if it is neither a success nor 409. */
  alice?: number;
}

export interface RouteCases {
  /** The service's mount, e.g. '/compute'. */
  mount: string;
  /** Routes with an owner, in the order in which Alice calls them; those that delete come last. */
  own: Readonly<Record<string, OwnCase>>;
  /** Routes where a member gets 403, whatever object the path names. */
  adminsOnly: readonly string[];
  /** Routes that name no project's object, by the reason; they must disclose nothing of Alice's. */
  nobodys: Readonly<Record<string, readonly string[]>>;
}

/** Expands braces: `{GET,PUT} /a/{b,c}` gives four routes. */
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
 * The path with every `:name` replaced by the id of Alice's object, or by `nothing` if she has
 * none.
 */
export function concrete(template: string, objects: Objects): string {
  let prefix = '';
  const parts = template
    .split('/')
    .slice(1)
    .map((part) => {
      prefix += `/${part}`;
      return part.startsWith(':') ? (objects.get(prefix) ?? objects.get(part) ?? 'nothing') : part;
    });
  return `/${parts.join('/')}`;
}

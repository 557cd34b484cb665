// Resource options: those of roles, projects and domains, and those of users. Null removes an
// option, the others stay. https://docs.openstack.org/keystone/latest/admin/resource-options.html
import { Type } from 'typebox';
import { fault, type Fault } from '#contracts/common/fault.ts';
import { parsed } from './bodies.ts';

const flag = Type.Optional(Type.Union([Type.Boolean(), Type.Null()]));

export const resourceOptions = Type.Object({ immutable: flag }, { additionalProperties: false });
export const userOptions = Type.Object(
  {
    ignore_change_password_upon_first_use: flag,
    ignore_password_expiry: flag,
    ignore_lockout_failure_attempts: flag,
    ignore_user_inactivity: flag,
    lock_password: flag,
    multi_factor_auth_enabled: flag,
    multi_factor_auth_rules: Type.Optional(
      Type.Union([
        Type.Array(Type.Array(Type.String(), { minItems: 1, uniqueItems: true }), {
          uniqueItems: true,
        }),
        Type.Null(),
      ]),
    ),
  },
  { additionalProperties: false },
);

/** The options after a change, as the column holds them. */
export function mergedOptions(sent: Readonly<Record<string, unknown>>, before = '{}'): string {
  return JSON.stringify(
    Object.fromEntries(
      Object.entries({ ...parsed(before), ...sent }).filter(([, value]) => value !== null),
    ),
  );
}

/**
 * forbidden for a change of what is immutable, but for the change that ends it; no changes: a
 * deletion.
 */
export function deniedByImmutable(
  kind: string,
  row: { id: string; options: string },
  sent?: Readonly<Record<string, unknown>>,
): Fault | undefined {
  if (parsed(row.options)['immutable'] !== true) return undefined;
  // the route's schema proved it
  const options = sent?.['options'] as { immutable?: boolean | null } | undefined;
  const ends =
    Object.keys(sent ?? {}).length === 1 &&
    options !== undefined &&
    'immutable' in options &&
    options.immutable !== true;
  return ends
    ? undefined
    : fault(
        'forbidden',
        `The ${kind} ${row.id} is immutable: set its option "immutable" to false before anything else.`,
      );
}

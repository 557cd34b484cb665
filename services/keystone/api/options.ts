// Resource options of roles, projects, domains and users. A null value removes an option; options
// that are not named stay. https://docs.openstack.org/keystone/latest/admin/resource-options.html
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

/** The options after an update, as JSON for the column. */
export function mergedOptions(input: Readonly<Record<string, unknown>>, before = '{}'): string {
  return JSON.stringify(
    Object.fromEntries(
      Object.entries({ ...parsed(before), ...input }).filter(([, value]) => value !== null),
    ),
  );
}

/**
 * forbidden if the object is immutable, unless the update does nothing but end that. Without
 * `input`: a deletion.
 */
export function deniedByImmutable(
  kind: string,
  row: { id: string; options: string },
  input?: Readonly<Record<string, unknown>>,
): Fault | undefined {
  if (parsed(row.options)['immutable'] !== true) return undefined;
  // validated by the route's schema
  const options = input?.['options'] as { immutable?: boolean | null } | undefined;
  const ends =
    Object.keys(input ?? {}).length === 1 &&
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

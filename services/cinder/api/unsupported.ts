// Features that are not implemented: operations answer notImplemented, lists are empty. Success is
// never faked, so that a client which needs such a feature notices.
import Type from 'typebox';
import { fault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { action } from './actions.ts';
import type { Action } from './actions.ts';

const refusal = (what: string) => fault('notImplemented', `${what} is not offered by this cloud.`);

/** Actions (name to policy) that are refused as not implemented. */
export function notOffered<Target>(
  actions: Readonly<Record<string, string>>,
): Record<string, Action<Target>> {
  return Object.fromEntries(
    Object.entries(actions).map(([name, policy]) => [
      name,
      action<Target>({ policy, body: Type.Any(), run: async () => refusal(name) }),
    ]),
  );
}

const none = (path: string, key: string, policy: string | null, since = 0): Route =>
  route('GET', path, {
    policy,
    since,
    handler: () => ({ status: 200, body: { [key]: [] } }),
  });
const unknown = (
  method: HttpMethod,
  path: string,
  what: string,
  policy: string | null,
  since = 0,
): Route =>
  route(method, path, {
    policy,
    since,
    faults: ['notFound'],
    handler: ({ params }) => fault('notFound', `${what} ${params['id'] ?? ''} could not be found.`),
  });
const never = (method: HttpMethod, path: string, what: string, policy: string, since = 0): Route =>
  route(method, path, { policy, since, faults: ['notImplemented'], handler: () => refusal(what) });

/**
 * A kind of object of which none exist: its list is empty, each id is not found, none can be
 * created. `readPolicy` null: any token may read.
 */
const absent = (
  collection: string,
  what: string,
  policy: string,
  since: number,
  readPolicy: string | null = policy,
): readonly Route[] => [
  none(`/${collection}`, collection.replaceAll('-', '_'), readPolicy, since),
  never('POST', `/${collection}`, what, policy, since),
  unknown('GET', `/${collection}/:id`, what, readPolicy, since),
  unknown('PUT', `/${collection}/:id`, what, policy, since),
  unknown('DELETE', `/${collection}/:id`, what, policy, since),
];

export const unsupportedRoutes: readonly Route[] = [
  // Stock Cinder has policies for changing group types and their specs, but none for reading them.
  ...absent('group_types', 'Group type', 'group:group_types', 11, null),
  unknown('GET', '/group_types/default', 'The default group type', null, 11),
  ...absent('groups', 'Group', 'group:any', 13),
  none('/groups/detail', 'groups', 'group:any', 13),
  never('POST', '/groups/action', 'Group', 'group:any', 14),
  unknown('POST', '/groups/:id/action', 'Group', 'group:any', 13),
  ...absent('group_snapshots', 'Group snapshot', 'group:any', 14),
  none('/group_snapshots/detail', 'group_snapshots', 'group:any', 14),
  unknown('POST', '/group_snapshots/:id/action', 'Group snapshot', 'group:any', 14),
  ...absent('qos-specs', 'QoS specs', 'volume_extension:qos_specs_manager:any', 0),
  never(
    'PUT',
    '/types/:id/encryption/:key',
    'Volume encryption',
    'volume_extension:volume_type_encryption:any',
  ),
  never(
    'DELETE',
    '/types/:id/encryption/:key',
    'Volume encryption',
    'volume_extension:volume_type_encryption:any',
  ),
  never('POST', '/os-volume-manage', 'Managing existing storage', 'volume_extension:volume_manage'),
  never(
    'POST',
    '/manageable_volumes',
    'Managing existing storage',
    'volume_extension:volume_manage',
    8,
  ),
  never(
    'POST',
    '/os-snapshot-manage',
    'Managing existing storage',
    'volume_extension:volume_manage',
  ),
  never(
    'POST',
    '/manageable_snapshots',
    'Managing existing storage',
    'volume_extension:volume_manage',
    8,
  ),
  never('PUT', '/os-services/failover_host', 'Failing over', 'volume_extension:services:update'),
];

// Placement's default policy, under upstream's names: services and admins only, but for a project's
// own usage; all of it with a token of a project, as upstream's scope types say: a token of a
// domain or of the system administers nothing here.
const admin = '(role:admin or role:service) and not project_id:None';

export const policies: Readonly<Record<string, string>> = {
  admin_or_service: admin,
  'placement:usages': 'rule:admin_or_service or (role:reader and project_id:%(project_id)s)',
  ...Object.fromEntries(
    [
      'resource_providers:list',
      'resource_providers:create',
      'resource_providers:show',
      'resource_providers:update',
      'resource_providers:delete',
      'resource_providers:inventories:list',
      'resource_providers:inventories:create',
      'resource_providers:inventories:show',
      'resource_providers:inventories:update',
      'resource_providers:inventories:delete',
      'resource_providers:aggregates:list',
      'resource_providers:aggregates:update',
      'resource_providers:traits:list',
      'resource_providers:traits:update',
      'resource_providers:traits:delete',
      'resource_providers:allocations:list',
      'resource_providers:usages',
      'resource_classes:list',
      'resource_classes:create',
      'resource_classes:show',
      'resource_classes:update',
      'resource_classes:delete',
      'traits:list',
      'traits:show',
      'traits:update',
      'traits:delete',
      'allocations:list',
      'allocations:manage',
      'allocations:update',
      'allocations:delete',
      'allocation_candidates:list',
      'reshaper:reshape',
    ].map((name) => [`placement:${name}`, 'rule:admin_or_service']),
  ),
};

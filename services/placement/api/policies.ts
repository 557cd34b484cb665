// Placement's default policies, under upstream's rule names: for services and admins, except that a
// project may read its own usage. As upstream's scope types require, only project-scoped tokens
// count: domain or system scope gives no rights here.
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

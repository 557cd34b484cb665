// Nova's default policy: upstream's rule names, so that an operator's policy file fits. An object's project is checked by the
// query that reads it; these rules check the role.

const base = {
  // With a token of a domain nobody administers the cloud: it acts in its domain alone, where Nova has nothing.
  context_is_admin: 'role:admin and domain_id:None',
  context_is_service: 'role:service and domain_id:None',
  project_reader_or_admin: 'rule:context_is_admin or (role:reader and project_id:%(project_id)s)',
  project_member_or_admin: 'rule:context_is_admin or (role:member and project_id:%(project_id)s)',
};
const admin = 'rule:context_is_admin';
const member = 'rule:project_member_or_admin';
const service_or_admin = 'rule:context_is_admin or rule:context_is_service';
const reader = 'rule:project_reader_or_admin';

const api = (names: Record<string, string>): Record<string, string> => Object.fromEntries(Object.entries(names).map(([name, rule]) => [`os_compute_api:${name}`, rule]));

export const policies: Readonly<Record<string, string>> = {
  ...base,
  'network:attach_external_network': admin,
  ...api({
    'servers:create': member, 'servers:create:forced_host': admin, 'servers:index': reader, 'servers:detail': reader, 'servers:show': reader,
    'servers:index:get_all_tenants': admin, 'servers:update': member, 'servers:delete': member, 'servers:start': member, 'servers:stop': member,
    'servers:reboot': member, 'servers:create_image': member, 'os-create-backup': member, 'servers:rebuild': member, 'servers:show:host_status': admin,
    'os-extended-server-attributes': admin,
    'os-pause-server:pause': member, 'os-pause-server:unpause': member, 'os-suspend-server:suspend': member, 'os-suspend-server:resume': member,
    'os-rescue': member, 'os-unrescue': member, 'os-lock-server:lock': member, 'os-lock-server:unlock': member, 'os-lock-server:unlock:unlock_override': admin,
    'os-admin-actions:reset_state': admin, 'os-console-output': member, 'os-remote-consoles': member, 'os-server-diagnostics': admin,
    'os-instance-actions:list': reader, 'os-instance-actions:show': reader, 'os-instance-actions:events': admin, 'os-instance-actions:events:details': admin,
    'server-metadata:index': reader, 'server-metadata:show': reader, 'server-metadata:create': member, 'server-metadata:update': member, 'server-metadata:update_all': member, 'server-metadata:delete': member,
    'os-server-tags:index': reader, 'os-server-tags:show': reader, 'os-server-tags:update': member, 'os-server-tags:update_all': member, 'os-server-tags:delete': member, 'os-server-tags:delete_all': member,
    'ips:index': reader, 'ips:show': reader, 'os-server-password:show': reader, 'os-server-password:clear': member, 'os-security-groups:list': reader, 'os-security-groups:get': reader, 'os-security-groups:show': reader, 'os-security-groups:create': member, 'os-security-groups:update': member, 'os-security-groups:delete': member, 'os-security-groups:rule:create': member, 'os-security-groups:rule:delete': member, 'os-security-groups:add': member, 'os-security-groups:remove': member, 'os-multinic:add': member, 'os-multinic:remove': member, 'os-floating-ips:list': reader, 'os-floating-ips:show': reader, 'os-floating-ips:create': member, 'os-floating-ips:delete': member, 'os-floating-ip-pools': '@', 'os-networks:list': reader, 'os-networks:show': reader, 'os-tenant-networks:list': reader, 'os-tenant-networks:show': reader,
    'os-floating-ips:add': member, 'os-floating-ips:remove': member,
    'os-server-external-events:create': service_or_admin, 'os-volumes-attachments:index': reader, 'os-volumes-attachments:show': reader, 'os-volumes-attachments:create': member, 'os-volumes-attachments:update': member, 'os-volumes-attachments:delete': member,
    'os-volumes:list': reader, 'os-volumes:detail': reader, 'os-volumes:show': reader, 'os-volumes:create': member, 'os-volumes:delete': member,
    'os-volumes:snapshots:list': reader, 'os-volumes:snapshots:detail': reader, 'os-volumes:snapshots:show': reader, 'os-volumes:snapshots:create': member, 'os-volumes:snapshots:delete': member,
    // Upstream has none for images: Glance's are asked as well, in the caller's name.
    'images:list': reader, 'images:detail': reader, 'images:show': reader, 'images:delete': member,
    'image-metadata:index': reader, 'image-metadata:show': reader, 'image-metadata:create': member, 'image-metadata:update': member, 'image-metadata:update_all': member, 'image-metadata:delete': member,
    'os-assisted-volume-snapshots:create': service_or_admin, 'os-assisted-volume-snapshots:delete': service_or_admin, 'os-attach-interfaces:list': reader, 'os-attach-interfaces:show': reader, 'os-attach-interfaces:create': member, 'os-attach-interfaces:delete': member,
    'os-flavor-manage:create': admin, 'os-flavor-manage:update': admin, 'os-flavor-manage:delete': admin, 'os-flavor-access': admin, 'os-flavor-access:add_tenant_access': admin, 'os-flavor-access:remove_tenant_access': admin,
    'os-flavor-extra-specs:index': reader, 'os-flavor-extra-specs:show': reader, 'os-flavor-extra-specs:create': admin, 'os-flavor-extra-specs:update': admin, 'os-flavor-extra-specs:delete': admin,
    'os-keypairs:index': 'rule:context_is_admin or user_id:%(user_id)s', 'os-keypairs:show': 'rule:context_is_admin or user_id:%(user_id)s', 'os-keypairs:create': 'rule:context_is_admin or user_id:%(user_id)s', 'os-keypairs:delete': 'rule:context_is_admin or user_id:%(user_id)s',
    'os-availability-zone:list': '@', 'os-availability-zone:detail': admin, 'os-aggregates:index': admin, 'os-aggregates:show': admin, 'os-aggregates:create': admin, 'os-aggregates:update': admin, 'os-aggregates:delete': admin, 'os-aggregates:add_host': admin, 'os-aggregates:remove_host': admin, 'os-aggregates:set_metadata': admin,
    'os-hosts:list': admin, 'os-hosts:show': admin, 'os-hosts:update': admin, 'os-hosts:start': admin, 'os-hosts:shutdown': admin, 'os-hosts:reboot': admin,
    'os-services:list': admin, 'os-services:update': admin, 'os-services:delete': admin, 'os-hypervisors:list': admin, 'os-hypervisors:list-detail': admin, 'os-hypervisors:statistics': admin, 'os-hypervisors:show': admin, 'os-hypervisors:uptime': admin, 'os-hypervisors:search': admin, 'os-hypervisors:servers': admin,
    'os-quota-sets:show': reader, 'os-quota-sets:defaults': '@', 'os-quota-sets:update': admin, 'os-quota-sets:delete': admin, 'os-quota-sets:detail': reader, 'os-quota-class-sets:show': admin, 'os-quota-class-sets:update': admin,
    limits: reader, 'limits:other_project': admin, 'os-simple-tenant-usage:show': reader, 'os-simple-tenant-usage:list': admin, extensions: '@',
  }),
};

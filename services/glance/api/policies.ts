// Glance's default policies, under upstream's names.
// https://docs.openstack.org/glance/latest/configuration/glance_policy.html
const member = 'rule:context_is_admin or (role:member and project_id:%(project_id)s)';
const visible =
  "project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s";

export const policies: Readonly<Record<string, string>> = {
  context_is_admin: 'role:admin and domain_id:None', // a domain-scoped token is no admin here
  add_image:
    'rule:context_is_admin or (role:member and project_id:%(project_id)s and project_id:%(owner)s)',
  get_image: `rule:context_is_admin or (role:reader and (${visible}))`,
  get_images: 'rule:context_is_admin or (role:reader and project_id:%(project_id)s)',
  modify_image: member,
  delete_image: member,
  publicize_image: 'rule:context_is_admin',
  communitize_image: member,
  download_image: `rule:context_is_admin or (role:member and (${visible}))`,
  upload_image: member,
  add_member: member,
  delete_member: member,
  get_member:
    'rule:context_is_admin or (role:reader and (project_id:%(project_id)s or project_id:%(member_id)s))',
  get_members:
    'rule:context_is_admin or (role:reader and (project_id:%(project_id)s or project_id:%(member_id)s))',
  modify_member: 'rule:context_is_admin or (role:member and project_id:%(member_id)s)',
  deactivate: member,
  reactivate: member,
  tasks_api_access: 'rule:context_is_admin',
  get_task: 'rule:default',
  get_tasks: 'rule:default',
  stores_info_detail: 'rule:context_is_admin',
  default: '',
};

// Keystone's own rule names with stock defaults: admin anywhere is admin, system readers see all, a domain reader sees the
// own domain, users see and change themselves. https://docs.openstack.org/keystone/latest/configuration/policy.html

const read = 'rule:admin_or_system_reader';
const readDomain = 'rule:admin_or_system_reader or (role:reader and domain_id:%(domain_id)s)';
const write = 'rule:admin_required';
const readOwn = 'rule:admin_or_system_reader or rule:owner';
const writeOwn = 'rule:admin_required or rule:owner';

const crud = (one: string, many: string, reading: string, writing = write): Record<string, string> => ({
  [`identity:get_${one}`]: reading, [`identity:list_${many}`]: reading,
  [`identity:create_${one}`]: writing, [`identity:update_${one}`]: writing, [`identity:delete_${one}`]: writing,
});

export const policies: Readonly<Record<string, string>> = {
  admin_required: 'role:admin',
  admin_or_system_reader: 'rule:admin_required or (role:reader and system_scope:all)',
  owner: 'user_id:%(user_id)s',

  'identity:validate_token': 'rule:admin_or_system_reader or role:service or rule:owner',
  'identity:check_token': 'rule:admin_or_system_reader or role:service or rule:owner',
  'identity:revoke_token': 'rule:admin_required or rule:owner',

  ...crud('domain', 'domains', read),
  'identity:get_domain': 'rule:admin_or_system_reader or domain_id:%(domain_id)s or project_domain_id:%(domain_id)s',
  ...crud('domain_config', 'domain_configs', read),
  'identity:get_domain_config_default': read,
  ...crud('project', 'projects', readDomain),
  'identity:get_project': `${readDomain} or project_id:%(project_id)s`,
  'identity:list_user_projects': readOwn,
  'identity:get_project_tag': `${readDomain} or project_id:%(project_id)s`,
  'identity:list_project_tags': `${readDomain} or project_id:%(project_id)s`,
  'identity:update_project_tags': write, 'identity:delete_project_tags': write,
  ...crud('user', 'users', readDomain),
  'identity:get_user': `${readDomain} or rule:owner`,
  'identity:change_password': '', // the original password is the proof
  ...crud('group', 'groups', readDomain),
  'identity:list_groups_for_user': `${readDomain} or rule:owner`,
  'identity:list_users_in_group': readDomain, 'identity:check_user_in_group': readDomain,
  'identity:add_user_to_group': write, 'identity:remove_user_from_group': write,

  ...crud('role', 'roles', readDomain),
  ...crud('implied_role', 'implied_roles', read),
  'identity:list_role_inference_rules': read,
  'identity:list_role_assignments': readDomain,
  'identity:check_grant': readDomain, 'identity:list_grants': readDomain,
  'identity:create_grant': write, 'identity:revoke_grant': write,

  ...crud('region', 'regions', ''), ...crud('service', 'services', read), ...crud('endpoint', 'endpoints', read),
  'identity:get_auth_catalog': '', 'identity:get_auth_projects': '', 'identity:get_auth_domains': '', 'identity:get_auth_system': '',

  ...crud('application_credential', 'application_credentials', readOwn, writeOwn),
  'identity:create_application_credential': 'rule:owner',
  ...crud('access_rule', 'access_rules', readOwn, writeOwn),
  ...crud('credential', 'credentials', readOwn, writeOwn),
  'identity:ec2_get_credential': readOwn, 'identity:ec2_list_credentials': readOwn,
  'identity:ec2_create_credential': writeOwn, 'identity:ec2_delete_credential': writeOwn,
  ...crud('trust', 'trusts', 'rule:admin_or_system_reader or user_id:%(trustor_user_id)s or user_id:%(trustee_user_id)s'),
  'identity:create_trust': 'user_id:%(trustor_user_id)s', 'identity:delete_trust': 'rule:admin_required or user_id:%(trustor_user_id)s',
  ...crud('policy', 'policies', read),
  ...crud('consumer', 'consumers', read),
  ...crud('endpoint_group', 'endpoint_groups', read),
  'identity:list_endpoints_associated_with_endpoint_group': read, 'identity:list_projects_associated_with_endpoint_group': read,
  'identity:list_endpoint_groups_for_project': read, 'identity:list_endpoints_for_project': read, 'identity:list_projects_for_endpoint': read,
  'identity:add_endpoint_group_to_project': write, 'identity:check_endpoint_group_to_project': read, 'identity:remove_endpoint_group_to_project': write,
  'identity:add_endpoint_to_project': write, 'identity:check_endpoint_to_project': read, 'identity:remove_endpoint_to_project': write,
  ...crud('registered_limit', 'registered_limits', ''), ...crud('limit', 'limits', ''),
};

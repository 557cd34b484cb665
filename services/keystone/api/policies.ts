// Keystone's policies under upstream's names. A domain-scoped token is restricted to its domain,
// whatever its role; `admin_required` means an admin with a project- or system-scoped token.
// Managers and admins of a domain change its users, groups, projects and roles; readers see them;
// users see and change themselves.
// https://docs.openstack.org/keystone/latest/admin/service-api-protection.html (personas)

const readAll = 'rule:admin_or_system_reader';
const readDomain = 'rule:admin_or_system_reader or rule:own_domain_reader';
const readProject = `${readDomain} or project_id:%(project_id)s`;
const write = 'rule:admin_required';
const writeDomain = 'rule:admin_required or rule:own_domain_manager';
const readOwn = 'rule:admin_or_system_reader or rule:owner';
const writeOwn = 'rule:admin_required or rule:owner';
const readTrust =
  'rule:admin_or_system_reader or user_id:%(trustor_user_id)s or user_id:%(trustee_user_id)s';

// A domain's admin or manager must not grant a role whose effect exceeds the domain: `admin` or
// `service` on a project is valid in the whole cloud.
const changeGrant =
  'rule:admin_required or (rule:own_grant and rule:own_role and ' +
  "((role:admin and not 'true':%(reaches_beyond)s) or (role:manager and rule:domain_managed_target_role)))";

const crud = (
  one: string,
  many: string,
  reading: string,
  writing = write,
): Record<string, string> => ({
  [`identity:get_${one}`]: reading,
  [`identity:list_${many}`]: reading,
  [`identity:create_${one}`]: writing,
  [`identity:update_${one}`]: writing,
  [`identity:delete_${one}`]: writing,
});

export const policies: Readonly<Record<string, string>> = {
  admin_required: 'role:admin and domain_id:None',
  admin_or_system_reader: 'rule:admin_required or (role:reader and system_scope:all)',
  owner: 'user_id:%(user_id)s',
  own_domain_reader: '(role:reader or role:admin) and domain_id:%(domain_id)s',
  own_domain_manager: '(role:manager or role:admin) and domain_id:%(domain_id)s',
  own_grant: 'domain_id:%(domain_id)s and domain_id:%(actor_domain_id)s',
  own_role: 'domain_id:%(role_domain_id)s or None:%(role_domain_id)s',
  domain_managed_target_role:
    "'manager':%(role_name)s or 'member':%(role_name)s or 'reader':%(role_name)s",

  'identity:validate_token':
    'rule:admin_or_system_reader or (role:service and domain_id:None) or rule:owner',
  'identity:check_token':
    'rule:admin_or_system_reader or (role:service and domain_id:None) or rule:owner',
  'identity:revoke_token': 'rule:admin_required or rule:owner',

  ...crud('domain', 'domains', readAll),
  'identity:get_domain':
    'rule:admin_or_system_reader or domain_id:%(domain_id)s or project_domain_id:%(domain_id)s',
  'identity:list_domains': readDomain,
  ...crud('domain_config', 'domain_configs', readAll),
  'identity:get_domain_config_default': readAll,
  ...crud('project', 'projects', readDomain, writeDomain),
  'identity:get_project': readProject,
  'identity:list_user_projects': `${readDomain} or rule:owner`,
  'identity:get_project_tag': readProject,
  'identity:list_project_tags': readProject,
  'identity:create_project_tag': writeDomain,
  'identity:delete_project_tag': writeDomain,
  'identity:update_project_tags': writeDomain,
  'identity:delete_project_tags': writeDomain,
  ...crud('user', 'users', readDomain, writeDomain),
  'identity:get_user': `${readDomain} or rule:owner`,
  'identity:change_password': '', // the original password is the proof
  ...crud('group', 'groups', readDomain, writeDomain),
  'identity:list_groups_for_user': `${readDomain} or rule:owner`,
  'identity:list_users_in_group': readDomain,
  'identity:check_user_in_group':
    'rule:admin_or_system_reader or (rule:own_domain_reader and domain_id:%(member_domain_id)s)',
  'identity:add_user_to_group':
    'rule:admin_required or (rule:own_domain_manager and domain_id:%(member_domain_id)s)',
  'identity:remove_user_from_group':
    'rule:admin_required or (rule:own_domain_manager and domain_id:%(member_domain_id)s)',

  ...crud('role', 'roles', readAll),
  'identity:get_role':
    'rule:admin_or_system_reader or (role:manager and rule:domain_managed_target_role) ' +
    'or (role:admin and not domain_id:None and None:%(role_domain_id)s)',
  'identity:list_roles': 'rule:admin_or_system_reader or (role:manager and not domain_id:None)',
  'identity:get_domain_role': readAll,
  'identity:list_domain_roles': readAll,
  ...crud('implied_role', 'implied_roles', readAll),
  'identity:list_role_inference_rules': readAll,
  'identity:list_role_assignments': readDomain,
  'identity:check_grant':
    'rule:admin_or_system_reader or (role:reader and rule:own_grant and rule:own_role)',
  'identity:list_grants': 'rule:admin_or_system_reader or (role:reader and rule:own_grant)',
  'identity:create_grant': changeGrant,
  'identity:revoke_grant': changeGrant,

  ...crud('region', 'regions', ''),
  ...crud('service', 'services', readAll),
  ...crud('endpoint', 'endpoints', readAll),
  'identity:get_auth_catalog': '',
  'identity:get_auth_projects': '',
  'identity:get_auth_domains': '',
  'identity:get_auth_system': '',

  ...crud('application_credential', 'application_credentials', readOwn, writeOwn),
  'identity:create_application_credential': 'rule:owner',
  ...crud('access_rule', 'access_rules', readOwn, writeOwn),
  ...crud('credential', 'credentials', readOwn, writeOwn),
  'identity:ec2_get_credential': readOwn,
  'identity:ec2_list_credentials': readOwn,
  'identity:ec2_create_credential': 'rule:admin_required or (role:member and rule:owner)',
  'identity:ec2_delete_credential': 'rule:admin_required or (role:member and rule:owner)',
  ...crud('trust', 'trusts', readTrust),
  'identity:create_trust': 'user_id:%(trustor_user_id)s',
  'identity:delete_trust': 'rule:admin_required or user_id:%(trustor_user_id)s',
  ...crud('policy', 'policies', readAll),
  ...crud('consumer', 'consumers', readAll),
  ...crud('endpoint_group', 'endpoint_groups', readAll),
  'identity:list_endpoints_associated_with_endpoint_group': readAll,
  'identity:list_projects_associated_with_endpoint_group': readAll,
  'identity:list_endpoint_groups_for_project': readAll,
  'identity:list_endpoints_for_project': readAll,
  'identity:list_projects_for_endpoint': readAll,
  'identity:add_endpoint_group_to_project': write,
  'identity:check_endpoint_group_to_project': readAll,
  'identity:remove_endpoint_group_to_project': write,
  'identity:add_endpoint_to_project': write,
  'identity:check_endpoint_to_project': readAll,
  'identity:remove_endpoint_to_project': write,
  ...crud('registered_limit', 'registered_limits', ''),
  ...crud('limit', 'limits', ''),
};

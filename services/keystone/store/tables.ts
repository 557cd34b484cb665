// The tables of Keystone's database, as Kysely types. Times are ms since 1970 UTC, booleans 0 or 1,
// JSON is text. Domains are projects with is_domain = 1, as in the Identity API. '' stands for NULL
// in columns that are part of a unique key.

import type { Kysely } from 'kysely';

export type Db = Kysely<KeystoneTables>;

export interface KeystoneTables {
  project: ProjectRow;
  project_tag: { project_id: string; name: string };
  user: UserRow;
  group: GroupRow;
  membership: { user_id: string; group_id: string };
  role: RoleRow;
  implied_role: { prior_role_id: string; implied_role_id: string };
  assignment: AssignmentRow;
  region: RegionRow;
  service: ServiceRow;
  endpoint: EndpointRow;
  application_credential: ApplicationCredentialRow;
  access_rule: AccessRuleRow;
  credential: CredentialRow;
  trust: TrustRow;
  policy: PolicyRow;
  revoked_token: { audit_id: string; expires_at: number };
  registered_limit: RegisteredLimitRow;
  resource_limit: LimitRow;
  endpoint_group: EndpointGroupRow;
  project_endpoint_group: { project_id: string; endpoint_group_id: string };
  project_endpoint: { project_id: string; endpoint_id: string };
  consumer: ConsumerRow;
  domain_config: { domain_id: string; group: string; option: string; value: string };
}

export interface ProjectRow {
  id: string;
  name: string;
  /** '' for a domain. */
  domain_id: string;
  /** null for a domain; a top project's parent is its domain. */
  parent_id: string | null;
  is_domain: number;
  enabled: number;
  description: string;
  options: string;
  extra: string;
}

export interface UserRow {
  id: string;
  name: string;
  domain_id: string;
  default_project_id: string | null;
  enabled: number;
  /** '': the user has no password and cannot log in with one. */
  password_hash: string;
  options: string;
  extra: string;
  failed_logins: number;
  failed_at: number;
  /** Tokens issued before are invalid, since the password was changed or the user disabled. */
  tokens_valid_from: number;
}

export interface GroupRow {
  id: string;
  name: string;
  domain_id: string;
  description: string;
  extra: string;
}

export interface RoleRow {
  id: string;
  name: string;
  /** '' for a global role. */
  domain_id: string;
  description: string | null;
  options: string;
  extra: string;
}

export interface AssignmentRow {
  actor_kind: 'user' | 'group';
  actor_id: string;
  target_kind: 'project' | 'domain' | 'system';
  /** 'system' if target_kind is system. */
  target_id: string;
  role_id: string;
  /** 1: the grant applies to the projects below the target, not to the target itself. */
  inherited: number;
}

export interface RegionRow {
  id: string;
  parent_region_id: string | null;
  description: string;
  extra: string;
}

export interface ServiceRow {
  id: string;
  type: string;
  name: string;
  enabled: number;
  extra: string;
}

export interface EndpointRow {
  id: string;
  service_id: string;
  interface: string;
  region_id: string | null;
  url: string;
  enabled: number;
  extra: string;
}

export interface EndpointGroupRow {
  id: string;
  name: string;
  description: string | null;
  /** Attributes that an endpoint must have to belong to the group; JSON. */
  filters: string;
}

export interface ApplicationCredentialRow {
  id: string;
  user_id: string;
  project_id: string;
  name: string;
  description: string | null;
  secret_hash: string;
  /** µs since 1970; null: never. */
  expires_at_us: number | null;
  unrestricted: number;
  /** Role ids, JSON array. */
  roles: string;
  /** Access rule ids, JSON array; null: unrestricted. */
  access_rules: string | null;
}

export interface AccessRuleRow {
  id: string;
  user_id: string;
  service: string;
  method: string;
  path: string;
}

export interface CredentialRow {
  id: string;
  user_id: string;
  project_id: string | null;
  type: string;
  blob: string;
}

export interface TrustRow {
  id: string;
  trustor_user_id: string;
  trustee_user_id: string;
  project_id: string | null;
  impersonation: number;
  expires_at: number | null;
  remaining_uses: number | null;
  /** Role ids, JSON array. */
  roles: string;
  deleted_at: number | null;
}

export interface PolicyRow {
  id: string;
  type: string;
  blob: string;
  extra: string;
}

export interface ConsumerRow {
  id: string;
  description: string | null;
  secret: string;
  extra: string;
}

export interface RegisteredLimitRow {
  id: string;
  service_id: string;
  /** '' for no region. */
  region_id: string;
  resource_name: string;
  default_limit: number;
  description: string | null;
}

export interface LimitRow {
  id: string;
  service_id: string;
  /** '' for no region. */
  region_id: string;
  resource_name: string;
  resource_limit: number;
  description: string | null;
  /** '' for a limit of a domain. */
  project_id: string;
  /** '' for a limit of a project. */
  domain_id: string;
}

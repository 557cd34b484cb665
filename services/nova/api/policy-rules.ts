// The base rules that Nova's policies refer to, under upstream's names, because operators' policy
// files refer to them too. Used by policies.ts and the rows of server actions.

export const base = {
  // An admin with a domain-scoped token is no cloud administrator: Nova has no objects of a domain.
  context_is_admin: 'role:admin and domain_id:None',
  context_is_service: 'role:service and domain_id:None',
  project_reader_or_admin: 'rule:context_is_admin or (role:reader and project_id:%(project_id)s)',
  project_member_or_admin: 'rule:context_is_admin or (role:member and project_id:%(project_id)s)',
};
export const admin = 'rule:context_is_admin';
export const member = 'rule:project_member_or_admin';
export const serviceOrAdmin = 'rule:context_is_admin or rule:context_is_service';
export const reader = 'rule:project_reader_or_admin';

/**
 * A policy declared where it is used: its name, and the rule that holds unless the operator's file
 * overrides it.
 */
export interface PolicyDefault {
  name: string;
  default: string;
}

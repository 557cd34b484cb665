// The rules that Nova's policies are made of, with upstream's names: operators' policy files use
// them. For policies.ts and the rows of server actions.

export const base = {
  // With a token of a domain nobody administers the cloud: it acts in its domain alone, where Nova
  // has nothing.
  context_is_admin: 'role:admin and domain_id:None',
  context_is_service: 'role:service and domain_id:None',
  project_reader_or_admin: 'rule:context_is_admin or (role:reader and project_id:%(project_id)s)',
  project_member_or_admin: 'rule:context_is_admin or (role:member and project_id:%(project_id)s)',
};
export const admin = 'rule:context_is_admin';
export const member = 'rule:project_member_or_admin';
export const serviceOrAdmin = 'rule:context_is_admin or rule:context_is_service';
export const reader = 'rule:project_reader_or_admin';

/** A policy where it is used: its name, and its rule unless an operator sets another. */
export interface PolicyDefault {
  name: string;
  default: string;
}

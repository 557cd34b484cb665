// Cortex's default policies: services and administrators may ask for placements, administrators
// with a project-scoped token for explanations; a domain- or system-scoped token does not suffice.
const operator = 'role:admin and not project_id:None';

export const policies: Readonly<Record<string, string>> = {
  'cortex:schedule': 'role:admin or role:service',
  'cortex:explain': operator,
  'cortex:rebalance': operator,
};

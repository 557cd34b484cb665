// Cortex's default policies: services may ask for placements, administrators for explanations. They
// need a project-scoped token: one of a domain or of the system is no administrator here.
const operator = 'role:admin and not project_id:None';

export const policies: Readonly<Record<string, string>> = {
  'cortex:schedule': 'role:admin or role:service',
  'cortex:explain': operator,
  'cortex:rebalance': operator,
};

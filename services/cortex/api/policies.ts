// Cortex's default policy: services ask for placements, administrators why they are as they are.
// With a token of a project: one of a domain or of the system administers nothing here.
const operator = 'role:admin and not project_id:None';

export const policies: Readonly<Record<string, string>> = {
  'cortex:schedule': 'role:admin or role:service',
  'cortex:explain': operator,
  'cortex:rebalance': operator,
};

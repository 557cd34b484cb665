// Default policies of the HA Service: agents report with a service role, operators are
// administrators. Tokens must be project-scoped: domain and system scope give no rights here.
const hasProject = 'not project_id:None';

export const policies: Readonly<Record<string, string>> = {
  'ha:heartbeats:create': `role:service and ${hasProject}`,
  ...Object.fromEntries(
    ['list', 'show', 'update', 'plan', 'acknowledge'].map((name) => [
      `ha:hypervisors:${name}`,
      `role:admin and ${hasProject}`,
    ]),
  ),
};

/** masakari's policies, under its own rule names; as there, for administrators only. */
export const masakariPolicies: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ...['index', 'detail', 'create', 'update', 'delete'].flatMap((what) => [
      `segments:${what}`,
      `os-hosts:${what}`,
    ]),
    ...['index', 'detail', 'create'].map((what) => `notifications:${what}`),
    ...['index', 'detail'].map((what) => `vmoves:${what}`),
  ].map((name) => [`os_masakari_api:${name}`, `role:admin and ${hasProject}`]),
);

// Default policy of the HA Service: agents report as a service user, operators are administrators.
// With a token of a project: one of a domain or of the system administers nothing here.
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

/** By masakari's names of its rules; administrators alone, as there. */
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

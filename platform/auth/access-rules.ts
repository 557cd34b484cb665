// Access rules of application credentials: the only requests such a token may make. Pure.
// https://docs.openstack.org/keystone/latest/user/application_credentials.html#access-rules

export interface AccessRule {
  /** Service type in the catalog, e.g. 'compute'. */
  service: string;
  method: string;
  /** As the service sees it, e.g. `/v2.1/servers/{id}`; `*` and `{name}` take one segment, `**` any number. */
  path: string;
}

/** null: a token without rules, which may do whatever its roles may. */
export function ruleAllows(rules: readonly AccessRule[] | null, service: string, method: string, path: string): boolean {
  if (rules === null) return true;
  // HEAD asks for nothing that GET does not give.
  const asked = method === 'HEAD' ? ['HEAD', 'GET'] : [method];
  return rules.some((rule) => rule.service === service && asked.includes(rule.method) && patternOf(rule.path).test(path));
}

const patterns = new Map<string, RegExp>();
const maxPatterns = 1000;

function patternOf(path: string): RegExp {
  let pattern = patterns.get(path);
  if (!pattern) {
    if (patterns.size >= maxPatterns) patterns.clear();
    const parts = path.split(/(\*\*|\*|\{[^}]*\})/);
    pattern = new RegExp(`^${parts.map((part) => (part === '**' ? '.*' : part === '*' || /^\{.*\}$/.test(part) ? '[^/]+' : part.replace(/[.+?^$()|[\]\\{}]/g, '\\$&'))).join('')}/?$`);
    patterns.set(path, pattern);
  }
  return pattern;
}

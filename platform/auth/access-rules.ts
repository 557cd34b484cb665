// Access rules of application credentials: the only requests such a token may make. Pure.
// https://docs.openstack.org/keystone/latest/user/application_credentials.html#access-rules

export interface AccessRule {
  /** Service type in the catalog, e.g. 'compute'. */
  service: string;
  method: string;
  /** As the service sees it, e.g. `/v2.1/servers/{id}`; `*` and `{name}` take one segment, `**` any number. */
  path: string;
}

/** Longer than any path of an OpenStack API: it matches no rule, which bounds the work of matching. */
const maxPathLength = 512;

/** null: a token without rules, which may do whatever its roles may. */
export function ruleAllows(rules: readonly AccessRule[] | null, service: string, method: string, path: string): boolean {
  if (rules === null) return true;
  if (path.length > maxPathLength) return false;
  // HEAD asks for nothing that GET does not give.
  const asked = method === 'HEAD' ? ['HEAD', 'GET'] : [method];
  const exact = path.endsWith('/') ? path.slice(0, -1) : path;
  return rules.some((rule) => rule.service === service && asked.includes(rule.method) && (matches(rule.path, exact) || (exact !== path && matches(rule.path, path))));
}

// A step is a character's code or one of these: `[^/]`, `[^/]*`, `.*`. Numbers, as a request is held against many rules.
const [inSegment, restOfSegment, anything] = [-1, -2, -3];

const parsed = new Map<string, Int32Array>();
const maxParsed = 1000;

function stepsOf(pattern: string): Int32Array {
  const kept = parsed.get(pattern);
  if (kept) return kept;
  const steps: number[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const end = pattern[at] === '{' ? pattern.indexOf('}', at) : -1;
    if (pattern.startsWith('**', at)) {
      if (steps.at(-1) !== anything) steps.push(anything);
      at += 1;
    } else if (pattern[at] === '*' || end >= 0) {
      steps.push(inSegment, restOfSegment);
      at = Math.max(at, end);
    } else {
      steps.push(pattern.charCodeAt(at));
    }
  }
  if (parsed.size >= maxParsed) parsed.clear();
  const kinds = Int32Array.from(steps);
  parsed.set(pattern, kinds);
  return kinds;
}

const slash = '/'.charCodeAt(0);

/**
 * Follows all ways to match at once, so that the work is at most pattern length times path length. A backtracking pattern such as
 * a regular expression made of the user's rule needs time without bound.
 */
function matches(pattern: string, path: string): boolean {
  const steps = stepsOf(pattern);
  let reached = new Uint8Array(steps.length + 1);
  let next = new Uint8Array(steps.length + 1);
  reach(reached, steps, 0);
  let first = 0; // none before it is reached any more
  for (let at = 0; at < path.length; at += 1) {
    const code = path.charCodeAt(at);
    const from = first;
    first = steps.length + 1;
    next.fill(0);
    for (let index = from; index < steps.length; index += 1) {
      if (reached[index] === 0) continue;
      const step = steps[index];
      const target = step === code || (step === inSegment && code !== slash) ? index + 1 : step === anything || (step === restOfSegment && code !== slash) ? index : -1;
      if (target < 0) continue;
      reach(next, steps, target);
      if (target < first) first = target;
    }
    if (first > steps.length) return false;
    [reached, next] = [next, reached];
  }
  return reached[steps.length] === 1;
}

/** A position, and those behind it that need no further character. */
function reach(positions: Uint8Array, steps: Int32Array, index: number): void {
  for (let at = index; positions[at] === 0; at += 1) {
    positions[at] = 1;
    if (steps[at] !== anything && steps[at] !== restOfSegment) return;
  }
}

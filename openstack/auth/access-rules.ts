// Access rules of application credentials: the only requests that a token of such a credential may
// make. Pure.
// https://docs.openstack.org/keystone/latest/user/application_credentials.html#access-rules

export interface AccessRule {
  /** Service type in the catalog, e.g. 'compute'. */
  service: string;
  method: string;
  /**
   * The path as the service routes it, e.g. `/v2.1/servers/{id}`. `*` and `{name}` match one
   * segment, `**` any number of segments.
   */
  path: string;
}

/** Paths longer than any of an OpenStack API match no rule, which bounds the cost of matching. */
const maxPathLength = 512;

/** Whether the rules allow the request. `rules` null: the token is not restricted by any. */
export function ruleAllows(
  rules: readonly AccessRule[] | null,
  service: string,
  method: string,
  path: string,
): boolean {
  if (rules === null) return true;
  if (path.length > maxPathLength) return false;
  // HEAD returns nothing that GET does not return.
  const methods = method === 'HEAD' ? ['HEAD', 'GET'] : [method];
  const exact = path.endsWith('/') ? path.slice(0, -1) : path;
  return rules.some(
    (rule) =>
      rule.service === service &&
      methods.includes(rule.method) &&
      (matches(rule.path, exact) || (exact !== path && matches(rule.path, path))),
  );
}

// A step is a character code or one of these: `[^/]`, `[^/]*`, `.*`. As numbers, since each request
// is matched against many rules.
const [inSegment, restOfSegment, anything] = [-1, -2, -3];

const parsed = new Map<string, Int32Array>();
const maxParsed = 1000;

function stepsOf(pattern: string): Int32Array {
  const cached = parsed.get(pattern);
  if (cached) return cached;
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
 * Whether the path matches the pattern. Follows all ways to match at once, so that the work is at
 * most path length times wildcards. A backtracking matcher, such as a regular expression made from
 * the user's rule, could take unbounded time.
 */
function matches(pattern: string, path: string): boolean {
  const steps = stepsOf(pattern);
  const isReached = new Uint8Array(steps.length + 1);
  let reached: number[] = [];
  reach(reached, isReached, steps, 0);
  for (let at = 0; at < path.length && reached.length > 0; at += 1) {
    const code = path.charCodeAt(at);
    const next: number[] = [];
    isReached.fill(0);
    for (const index of reached) {
      const step = steps[index];
      if (step === code || (step === inSegment && code !== slash))
        reach(next, isReached, steps, index + 1);
      else if (step === anything || (step === restOfSegment && code !== slash))
        reach(next, isReached, steps, index);
    }
    reached = next;
  }
  return reached.includes(steps.length);
}

/** Adds a position, and those behind it that need no further character. */
function reach(positions: number[], isReached: Uint8Array, steps: Int32Array, index: number): void {
  for (let at = index; isReached[at] === 0; at += 1) {
    isReached[at] = 1;
    positions.push(at);
    if (steps[at] !== anything && steps[at] !== restOfSegment) return;
  }
}

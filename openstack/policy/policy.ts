// oslo.policy's rule language, parsed once into functions. Services define default rules, operators
// override them by name. Grammar:
// https://docs.openstack.org/oslo.policy/latest/reference/api/oslo_policy.policy.html
import type { AuthContext } from '../auth/context.ts';

/** Attributes of the requested object, e.g. `{project_id, user_id}`. */
export type PolicyTarget = Readonly<Record<string, string | boolean | null | undefined>>;
type Check = (who: AuthContext, target: PolicyTarget) => boolean;

export interface Policy {
  /** Whether `who` may do `rule` to `target`. An unknown rule denies. */
  allows(rule: string, who: AuthContext, target: PolicyTarget): boolean;
  /** All rules with their texts, for docs. */
  rules(): ReadonlyMap<string, string>;
}

/**
 * Parses the rules. Throws if one cannot be parsed or refers to a rule that does not exist: a
 * process must not start with a wrong policy.
 */
export function createPolicy(rules: Readonly<Record<string, string>>): Policy {
  const texts = new Map(Object.entries(rules));
  const checks = new Map<string, Check>();
  const byName =
    (name: string): Check =>
    (who, target) =>
      checks.get(name)?.(who, target) ?? false;
  for (const [name, text] of texts) checks.set(name, parseRule(text, name, texts, byName));
  return {
    allows: (rule, who, target) => checks.get(rule)?.(who, target) ?? false,
    rules: () => texts,
  };
}

function parseRule(
  text: string,
  name: string,
  rules: ReadonlyMap<string, string>,
  byName: (rule: string) => Check,
): Check {
  // Tokens: parentheses are separate tokens, except those of %(target)s.
  const tokens =
    text.match(/'[^']*'(?::[^\s()%]*(?:%\([^)]*\)s)?)?|(?:%(?:\([^)]*\)s)?|[^\s()%])+|[()]/g) ?? [];
  let at = 0;
  const fail = (why: string): never => {
    throw new Error(`policy rule ${name}: ${why} in "${text}"`);
  };
  const or = (): Check => {
    const parts = [and()];
    while (tokens[at] === 'or') {
      at++;
      parts.push(and());
    }
    return parts.length === 1
      ? (parts[0] as Check)
      : (who, target) => parts.some((part) => part(who, target));
  };
  const and = (): Check => {
    const parts = [not()];
    while (tokens[at] === 'and') {
      at++;
      parts.push(not());
    }
    return parts.length === 1
      ? (parts[0] as Check)
      : (who, target) => parts.every((part) => part(who, target));
  };
  const not = (): Check => {
    if (tokens[at] !== 'not') return atom();
    at++;
    const inner = not();
    return (who, target) => !inner(who, target);
  };
  const atom = (): Check => {
    const token = tokens[at++];
    if (token === undefined) return fail('ends too early');
    if (token === '(') {
      const inner = or();
      if (tokens[at++] !== ')') fail('lacks a )');
      return inner;
    }
    if (token === '@') return () => true;
    if (token === '!') return () => false;
    const colon = token.startsWith("'")
      ? token.indexOf(':', token.indexOf("'", 1))
      : token.indexOf(':');
    if (colon < 1) return fail(`has "${token}", which is no check`);
    const kind = token.slice(0, colon);
    const match = token.slice(colon + 1);
    if (kind === 'rule') {
      if (!rules.has(match)) fail(`names the unknown rule ${match}`);
      return byName(match);
    }
    if (kind === 'role')
      return (who) =>
        who.roles.includes(match.toLowerCase()) ||
        who.roles.some((role) => role.toLowerCase() === match.toLowerCase());
    const expected = placeholder(match);
    if (kind === 'None') return (_, target) => expected(target) === undefined;
    // oslo.policy's notation for an absent credential: `domain_id:None`.
    if (match === 'None') return (who) => credential(who, kind) === undefined;
    if (kind.startsWith("'")) {
      const literal = kind.slice(1, -1);
      return (_, target) => expected(target) === literal;
    }
    return (who, target) => {
      const want = expected(target);
      return want !== undefined && credential(who, kind) === want;
    };
  };
  if (tokens.length === 0) return () => true; // an empty rule allows everybody: oslo.policy
  const check = or();
  if (at !== tokens.length) fail(`has a stray "${tokens[at]}"`);
  return check;
}

function placeholder(match: string): (target: PolicyTarget) => string | undefined {
  const key = /^%\(([^)]+)\)s$/.exec(match)?.[1];
  if (key === undefined) return () => match;
  return (target) => {
    const value = target[key];
    return value === null || value === undefined ? undefined : String(value);
  };
}

function credential(who: AuthContext, name: string): string | undefined {
  switch (name) {
    case 'user_id':
      return who.userId;
    case 'project_id':
    case 'tenant':
      return who.projectId ?? undefined;
    case 'domain_id':
      return who.domainId ?? undefined;
    case 'user_domain_id':
      return who.userDomainId;
    case 'project_domain_id':
      return who.projectDomainId ?? undefined;
    case 'system_scope':
    case 'system':
      return who.systemScope ? 'all' : undefined;
    case 'is_admin':
      return who.roles.includes('admin') ? 'True' : 'False';
    default:
      return undefined;
  }
}

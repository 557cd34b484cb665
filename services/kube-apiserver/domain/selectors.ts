// Label and field selectors of lists and watches.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
import type { KubeObject } from '#contracts/kube/object.ts';
import type { Resource } from './resource.ts';
import { valueAt } from './resource.ts';
import type { Answer } from './status.ts';
import { badRequest, isRefusal } from './status.ts';

export type Matches = (object: KubeObject) => boolean;

type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

/** Patterns of one requirement, without surrounding white space. */
const requirement = {
  set: /^([^\s!=,()]+)\s+(in|notin)\s*\(([^)]*)\)$/,
  equals: /^([^\s!=,()]+)\s*(==|=|!=)\s*([^\s=!,()]*)$/,
  present: /^(!?)\s*([^\s!=,()]+)$/,
};

/** Parses a label selector, e.g. `a=b,c!=d,e in (f,g),h,!i`. */
export function parseLabelSelector(text: string): Answer<LabelTest> {
  if (text.trim() === '') return () => true;
  const tests: LabelTest[] = [];
  for (const part of splitOutsideOfBrackets(text)) {
    const test = labelTest(part.trim());
    if (!test)
      return badRequest(
        `unable to parse requirement: found '${part.trim()}', expected: a label selector like a=b, a!=b, a in (b,c), a or !a`,
      );
    tests.push(test);
  }
  return (labels) => tests.every((test) => test(labels));
}

function labelTest(part: string): LabelTest | undefined {
  const set = requirement.set.exec(part);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    return operator === 'in'
      ? (labels) => labels[key] !== undefined && values.has(labels[key])
      : (labels) => labels[key] === undefined || !values.has(labels[key]);
  }
  const equals = requirement.equals.exec(part);
  if (equals) {
    const [, key = '', operator, value] = equals;
    return operator === '!='
      ? (labels) => labels[key] !== value
      : (labels) => labels[key] === value;
  }
  const present = requirement.present.exec(part);
  if (!present) return undefined;
  const [, not, key = ''] = present;
  return not === '!'
    ? (labels) => labels[key] === undefined
    : (labels) => labels[key] !== undefined;
}

function splitOutsideOfBrackets(text: string): string[] {
  const parts: string[] = [];
  let [depth, begin] = [0, 0];
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '(') depth += 1;
    else if (text[at] === ')') depth -= 1;
    else if (text[at] === ',' && depth === 0) {
      parts.push(text.slice(begin, at));
      begin = at + 1;
    }
  }
  return [...parts, text.slice(begin)];
}

/**
 * Parses a field selector, e.g. `metadata.name=a,spec.nodeName!=b`. A backslash escapes `,`, `=`
 * and itself.
 */
function parseFieldSelector(text: string, resource: Resource): Answer<Matches> {
  if (text.trim() === '') return () => true;
  const allowed = ['metadata.name', 'metadata.namespace', ...resource.selectableFields];
  const tests: Matches[] = [];
  for (const part of text.split(/(?<!\\),/)) {
    if (part === '') continue;
    const at = part.indexOf('=');
    if (at < 0) return badRequest(`invalid field selector: '${part}'; can't understand '${part}'`);
    const differs = part[at - 1] === '!';
    const field = part.slice(0, differs ? at - 1 : at);
    const raw = part.slice(part[at + 1] === '=' && !differs ? at + 2 : at + 1);
    const value = raw.replace(/\\([\\,=])/g, '$1');
    if (!allowed.includes(field)) return badRequest(`field label not supported: ${field}`);
    tests.push((object) => (textAt(object, field) === value) !== differs);
  }
  return (object) => tests.every((test) => test(object));
}

/** The object name that a field selector requires; '': none. */
export function nameInSelector(text: string | null): string {
  const match = /^metadata\.name==?([^,=\\]+)$/.exec(
    (text ?? '').split(',').find((each) => each.startsWith('metadata.name=')) ?? '',
  );
  return match?.[1] ?? '';
}

function textAt(object: KubeObject, field: string): string {
  const value = valueAt(object, field);
  if (field === 'spec.unschedulable') return String(value === true);
  return value === undefined || value === null ? '' : String(value as string);
}

/** Combines label and field selector. undefined: both are empty, so everything matches. */
export function parseSelectors(
  resource: Resource,
  { labels, fields }: { labels: string; fields: string },
): Answer<Matches | undefined> {
  if (labels === '' && fields === '') return undefined;
  const byLabel = parseLabelSelector(labels);
  if (isRefusal(byLabel)) return byLabel;
  const byField = parseFieldSelector(fields, resource);
  if (isRefusal(byField)) return byField;
  return (object) => byLabel(object.metadata.labels ?? {}) && byField(object);
}

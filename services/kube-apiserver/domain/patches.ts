// JSON patch and merge patch, applied to plain JSON. Pure: each returns a new object.
import type { Json } from '#contracts/common/json.ts';
import { isSameJson } from './same-json.ts';
import type { Answer } from './status.ts';
import { Refusal, badRequest } from './status.ts';
import { isObject, setField } from './structural-schema/schema.ts';

/** One operation of a JSON Patch, RFC 6902. */
export interface Operation {
  op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  path: string;
  from?: string;
  value?: Json;
}

/**
 * kube-apiserver's limit. Without one, repeated copies in a patch of a few kB could make a huge
 * object.
 */
const maxOperations = 10_000;

type Container = Record<string, unknown> | unknown[];

const wrongPatch = (message: string): Refusal => new Refusal('Invalid', message);

export function applyJsonPatch(object: unknown, patch: unknown): Answer<unknown> {
  if (!Array.isArray(patch)) return badRequest('error decoding patch: it must be a list');
  if (patch.length > maxOperations)
    return new Refusal(
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`,
    );
  let root: unknown = structuredClone(object);
  for (const operation of patch as Operation[]) {
    const next = applyOperation(root, operation);
    if (next instanceof Refusal) return next;
    root = next.root;
  }
  return root;
}

function applyOperation(root: unknown, operation: Operation): Answer<{ root: unknown }> {
  if (!isObject(operation) || typeof operation.path !== 'string')
    return badRequest('error decoding patch: an operation needs op and path');
  const { op, path, from } = operation;
  const value = (): unknown => structuredClone(operation.value);
  switch (op) {
    case 'add':
      return put(root, path, value(), 'insert');
    case 'replace':
      return put(root, path, value(), 'replace');
    case 'remove':
      return take(root, path);
    case 'test': {
      const location = find(root, path);
      return location && isSameJson(location.value, operation.value)
        ? { root }
        : wrongPatch(`testing value ${path} failed: test failed`);
    }
    case 'copy':
    case 'move': {
      const source = typeof from === 'string' ? find(root, from) : undefined;
      if (!source) return wrongPatch(`${op}: from "${from}" is not there`);
      const copied = structuredClone(source.value);
      const rest = op === 'move' ? take(root, from ?? '') : { root };
      return rest instanceof Refusal ? rest : put(rest.root, path, copied, 'insert');
    }
    default:
      return wrongPatch(`Unexpected kind: ${String(op)}`);
  }
}

const steps = (path: string): string[] =>
  path
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));

function find(root: unknown, path: string): { value: unknown } | undefined {
  let value = root;
  for (const step of steps(path)) {
    if (Array.isArray(value)) {
      const index = indexIn(value, step);
      if (index === undefined || index >= value.length) return undefined;
      value = value[index];
    } else if (isObject(value) && Object.hasOwn(value, step)) value = value[step];
    else return undefined;
  }
  return { value };
}

function indexIn(list: readonly unknown[], step: string): number | undefined {
  if (step === '-') return list.length;
  return /^(0|[1-9]\d*)$/.test(step) && Number(step) <= list.length ? Number(step) : undefined;
}

function holderOf(root: unknown, path: string): { holder: Container; last: string } | undefined {
  const all = steps(path);
  const last = all.pop();
  if (last === undefined) return undefined;
  const holder = find(root, path.slice(0, path.lastIndexOf('/')));
  return holder && typeof holder.value === 'object' && holder.value !== null
    ? { holder: holder.value as Container, last }
    : undefined;
}

function put(
  root: unknown,
  path: string,
  value: unknown,
  how: 'insert' | 'replace',
): Answer<{ root: unknown }> {
  if (path === '') return { root: value };
  const place = holderOf(root, path);
  const missing = wrongPatch(`${how} operation does not apply: doc is missing path: ${path}`);
  if (!place) return missing;
  const { holder, last } = place;
  if (Array.isArray(holder)) {
    const index = indexIn(holder, last);
    if (index === undefined || (how === 'replace' && index >= holder.length)) return missing;
    holder.splice(index, how === 'replace' ? 1 : 0, value);
  } else {
    if (how === 'replace' && !Object.hasOwn(holder, last)) return missing;
    setField(holder, last, value);
  }
  return { root };
}

function take(root: unknown, path: string): Answer<{ root: unknown }> {
  const place = holderOf(root, path);
  const missing = wrongPatch(`remove operation does not apply: doc is missing path: ${path}`);
  if (!place) return missing;
  const { holder, last } = place;
  if (Array.isArray(holder)) {
    const index = indexIn(holder, last);
    if (index === undefined || index >= holder.length) return missing;
    holder.splice(index, 1);
  } else {
    if (!Object.hasOwn(holder, last)) return missing;
    delete holder[last];
  }
  return { root };
}

/** Applies a JSON Merge Patch, RFC 7386. */
export function applyMergePatch(object: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = { ...(isObject(object) ? object : {}) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else
      setField(
        merged,
        name,
        applyMergePatch(Object.hasOwn(merged, name) ? merged[name] : undefined, value),
      );
  }
  return merged;
}

// Serves one request for a resource: determines verb, parameters and body, and calls the module
// that carries it out.
import type { RawRequest } from '#platform/http/messages.ts';
import type { User } from '../domain/rbac.ts';
import type { ResourceRequest } from '../domain/request-info.ts';
import type { Resource } from '../domain/resource.ts';
import { storageKey } from '../domain/resource.ts';
import { parseSelectors } from '../domain/selectors.ts';
import type { Answer, Subject } from '../domain/status.ts';
import { Refusal, badRequest, isRefusal, success } from '../domain/status.ts';
import { isObject } from '../domain/structural-schema/schema.ts';
import { bindingsIn, review } from './authorize.ts';
import type { DeleteOptions, Propagation } from './delete-objects.ts';
import { deleteObject } from './delete-objects.ts';
import type { KubeDeps } from './deps.ts';
import { finalizeNamespace } from './finalize-namespace.ts';
import { guardRoles } from './guard-roles.ts';
import { patchObject } from './patch-objects.ts';
import { readBody } from './read-body.ts';
import type { ListQuery, View } from './read-objects.ts';
import { getObject, listObjects, viewOf } from './read-objects.ts';
import { scaleOf, setScale } from './scale.ts';
import { watchObjects } from './watch-objects.ts';
import type { Target, WriteOptions, Written } from './write-objects.ts';
import { createObject, replaceObject, subjectOf } from './write-objects.ts';

export interface Served {
  status: number;
  body: unknown;
  warnings: readonly string[];
}

export interface Serving {
  resource: Resource;
  request: ResourceRequest;
  user: User;
  view: View;
}

const served = (body: unknown, status = 200, warnings: readonly string[] = []): Served => ({
  status,
  body,
  warnings,
});

/**
 * The request's verb as used in RBAC rules.
 * https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb
 */
export function verbOf({ name }: ResourceRequest, { method, query }: RawRequest): string {
  switch (method) {
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return name === '' ? 'deletecollection' : 'delete';
    default: {
      if (isSet(new URLSearchParams(query).get('watch'))) return 'watch';
      return name === '' ? 'list' : 'get';
    }
  }
}

/** A flag in the query, as Kubernetes parses it: everything except these values is true. */
const isSet = (value: string | null): boolean =>
  value !== null && !['', '0', 'false'].includes(value.toLowerCase());

export const methodNotAllowed = (subject?: Subject): Refusal =>
  new Refusal(
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    subject && { subject },
  );

export async function serveResource(
  deps: KubeDeps,
  raw: RawRequest,
  serving: Serving,
): Promise<Answer<Served>> {
  const { resource, request, view } = serving;
  const verb = verbOf(request, raw);
  const target: Target = { resource, namespace: request.namespace, name: request.name };
  const parameters = new URLSearchParams(raw.query);
  if (!resource.verbs.includes(verb as (typeof resource.verbs)[number]))
    return methodNotAllowed(subjectOf(target));
  switch (verb) {
    case 'get': {
      const object =
        request.subresource === 'scale' ? scaleOf(deps, target) : getObject(deps, target, view);
      return isRefusal(object) ? object : served(object);
    }
    case 'list': {
      const list = listObjects(deps, target, listQuery(parameters), view);
      return isRefusal(list) ? list : served(list);
    }
    case 'watch': {
      const stream = watchObjects(
        deps,
        target,
        { ...listQuery(parameters), ...watchQuery(parameters) },
        view,
      );
      return isRefusal(stream) ? stream : served(stream);
    }
    case 'delete':
    case 'deletecollection':
      return await remove(deps, raw, serving, target);
    default:
      return await write(deps, raw, serving, target);
  }
}

async function write(
  deps: KubeDeps,
  raw: RawRequest,
  { resource, request, user, view }: Serving,
  target: Target,
): Promise<Answer<Served>> {
  const body = await readBody(raw, deps.clock);
  if (isRefusal(body)) return body;
  if (body.value === undefined) return badRequest('the body is missing');
  const parameters = new URLSearchParams(raw.query);
  const requestOptions = writeOptions(parameters, raw, request.subresource);
  if (isRefusal(requestOptions)) return requestOptions;
  const guard = guardRoles(user, target, bindingsIn(deps));
  const options: WriteOptions = { ...requestOptions, ...(guard ? { guard } : {}) };
  const shown = (outcome: Answer<Written>): Answer<Served> =>
    isRefusal(outcome)
      ? outcome
      : served(
          viewOf(deps, outcome.object, resource, view),
          outcome.isNew ? 201 : 200,
          outcome.warnings,
        );
  if (request.subresource === 'scale') {
    const scale = await setScale(deps, target, body, options);
    return isRefusal(scale) ? scale : served(scale);
  }
  if (request.subresource === 'finalize')
    return shown(await finalizeNamespace(deps, target, body.value, options));
  switch (raw.method) {
    case 'POST': {
      if (request.subresource === 'token') {
        const token = deps.tokens.issue(target.namespace, target.name, body.value);
        return isRefusal(token) ? token : served(token, 201);
      }
      if (resource.verbs.length === 1) {
        const answer = review(deps, resource, body.value, user);
        return isRefusal(answer) ? answer : served(answer, 201);
      }
      if (request.name !== '') return new Refusal('MethodNotAllowed', 'POST needs a collection');
      return shown(await createObject(deps, target, body.value, options));
    }
    case 'PUT':
      return shown(await replaceObject(deps, target, body.value, options));
    default:
      return shown(
        await patchObject(deps, target, body, {
          ...options,
          force: parameters.get('force') === 'true',
          hasManager: parameters.has('fieldManager'),
        }),
      );
  }
}

async function remove(
  deps: KubeDeps,
  raw: RawRequest,
  { resource, request, view }: Serving,
  target: Target,
): Promise<Answer<Served>> {
  const body = await readBody(raw, deps.clock);
  if (isRefusal(body)) return body;
  const parameters = new URLSearchParams(raw.query);
  const options = deleteOptions(parameters, body.value);
  if (isRefusal(options)) return options;
  if (request.name === '') return await removeAll(deps, target, parameters, options);
  const outcome = await deleteObject(deps, target, options);
  if (isRefusal(outcome)) return outcome;
  if (!outcome.isGone) return served(viewOf(deps, outcome.object, resource, view));
  const { uid } = outcome.object.metadata;
  // As upstream, the answer to the deletion of a Pod is the Pod itself.
  return served(
    resource.kind === 'Pod'
      ? outcome.object
      : success({ ...subjectOf(target), ...(uid === undefined ? {} : { uid }) }),
  );
}

async function removeAll(
  deps: KubeDeps,
  { resource, namespace }: Target,
  parameters: URLSearchParams,
  options: DeleteOptions,
): Promise<Answer<Served>> {
  const query = listQuery(parameters);
  const matches = parseSelectors(resource, {
    labels: query.labelSelector,
    fields: query.fieldSelector,
  });
  if (isRefusal(matches)) return matches;
  const all = deps.store.list(storageKey(resource), namespace);
  for (const { object, namespace: of, name } of all) {
    if (matches && !matches(object)) continue;
    const outcome = await deleteObject(deps, { resource, namespace: of, name }, options);
    // NotFound: deleted concurrently, which is the wanted result.
    if (isRefusal(outcome) && outcome.reason !== 'NotFound') return outcome;
  }
  return served(
    listObjects(
      deps,
      { resource, namespace },
      { ...query, limit: 0 },
      { form: 'object', includeObject: 'None' },
    ),
  );
}

function listQuery(parameters: URLSearchParams): ListQuery {
  const text = (name: string): string => parameters.get(name) ?? '';
  return {
    labelSelector: text('labelSelector'),
    fieldSelector: text('fieldSelector'),
    limit: Number.parseInt(text('limit') || '0', 10) || 0,
    continue: text('continue'),
    resourceVersion: text('resourceVersion'),
    resourceVersionMatch: text('resourceVersionMatch'),
  };
}

const watchQuery = (parameters: URLSearchParams) => ({
  timeoutSeconds: Number.parseInt(parameters.get('timeoutSeconds') ?? '0', 10) || 0,
  allowWatchBookmarks: parameters.get('allowWatchBookmarks') === 'true',
  sendInitialEvents: parameters.get('sendInitialEvents') === 'true',
});

const fieldValidations = ['Ignore', 'Warn', 'Strict'] as const;

function writeOptions(
  parameters: URLSearchParams,
  raw: RawRequest,
  subresource: string,
): Answer<WriteOptions> {
  const dryRun = dryRunOf(parameters.getAll('dryRun'));
  if (isRefusal(dryRun)) return dryRun;
  const named = parameters.get('fieldValidation') || 'Warn';
  const fieldValidation = fieldValidations.find((each) => each === named);
  if (!fieldValidation)
    return badRequest(
      `fieldValidation: Unsupported value: ${JSON.stringify(named)}: supported values: ${fieldValidations.map((each) => `"${each}"`).join(', ')}`,
    );
  const manager = parameters.get('fieldManager') || agentOf(raw);
  if (manager.length > 128)
    return badRequest('fieldManager: Too long: may not be more than 128 bytes');
  return {
    manager,
    dryRun,
    fieldValidation,
    subresource: subresource === 'status' ? 'status' : '',
  };
}

/**
 * The default field manager: the user agent up to the first "/", as upstream: `kubectl`, `helm`,
 * ...
 */
const agentOf = ({ headers }: RawRequest): string =>
  (headers['user-agent'] ?? '').split('/', 1)[0]?.slice(0, 128) || 'unknown';

function dryRunOf(values: readonly unknown[]): Answer<boolean> {
  if (values.length === 0) return false;
  return values.every((value) => value === 'All')
    ? true
    : badRequest('dryRun: Unsupported value: supported values: "All"');
}

const propagations: readonly Propagation[] = ['Background', 'Foreground', 'Orphan'];

function deleteOptions(parameters: URLSearchParams, body: unknown): Answer<DeleteOptions> {
  const bodyOptions = isObject(body) ? body : {};
  const named = bodyOptions['propagationPolicy'] ?? parameters.get('propagationPolicy');
  const orphan = bodyOptions['orphanDependents'] ?? parameters.get('orphanDependents') === 'true';
  const propagation =
    named === undefined || named === null || named === ''
      ? orphan === true
        ? 'Orphan'
        : 'Background'
      : propagations.find((each) => each === named);
  if (!propagation)
    return badRequest(
      `propagationPolicy: Unsupported value: ${JSON.stringify(named)}: supported values: ${propagations.map((each) => `"${each}"`).join(', ')}`,
    );
  const inBody = Array.isArray(bodyOptions['dryRun']) ? bodyOptions['dryRun'] : [];
  const dryRun = dryRunOf([...inBody, ...parameters.getAll('dryRun')]);
  if (isRefusal(dryRun)) return dryRun;
  const { preconditions } = bodyOptions;
  return {
    dryRun,
    propagation,
    ...(isObject(preconditions)
      ? { preconditions: preconditions as { uid?: string; resourceVersion?: string } }
      : {}),
  };
}

// The HTTP handler of the API server: authenticates, authorizes, routes and answers in the
// requested representation. Errors are Kubernetes' Status objects.
import { isStorageFull } from '#platform/db/errors.ts';
import type { HttpHandler, RawReply, RawRequest } from '#platform/http/messages.ts';
import { JsonText } from '#platform/http/messages.ts';
import type { Form } from '../domain/accept.ts';
import { formOf } from '../domain/accept.ts';
import type { Attributes, User } from '../domain/rbac.ts';
import { mayDo, refusalWords } from '../domain/rbac.ts';
import type { ResourceRequest } from '../domain/request-info.ts';
import { requestInfo } from '../domain/request-info.ts';
import type { Resource } from '../domain/resource.ts';
import { nameInSelector } from '../domain/selectors.ts';
import { Refusal, badRequest, isRefusal } from '../domain/status.ts';
import type { IncludeObject } from '../domain/table.ts';
import { bindingsIn } from './authorize.ts';
import type { KubeDeps } from './deps.ts';
import { discovery, hasSubresource, servesVerb, versionDocument } from './discovery.ts';
import { impersonated } from './impersonate.ts';
import { openapiDocument, openapiIndex } from './openapi.ts';
import { methodNotAllowed, serveResource, verbOf } from './serve-resource.ts';

export interface HandlerOptions {
  /** The user of the request's credentials; undefined: there are none, or they are invalid. */
  authenticate(raw: RawRequest): Promise<User | undefined>;
  release: string;
}

const anonymousPaths: readonly string[] = ['/healthz', '/livez', '/readyz', '/version'];
export function createHandler(deps: KubeDeps, options: HandlerOptions): HttpHandler {
  return {
    async handle(raw) {
      try {
        return await answer(deps, raw, options);
      } catch (error) {
        if (isStorageFull(error))
          return refusal(new Refusal('InsufficientStorage', 'the disk of the server is full'));
        deps.log.error({ err: error, method: raw.method, path: raw.path }, 'request failed');
        return refusal(
          new Refusal(
            'InternalError',
            'an error on the server has prevented the request from succeeding',
          ),
        );
      }
    },
  };
}

async function answer(
  deps: KubeDeps,
  raw: RawRequest,
  { authenticate, release }: HandlerOptions,
): Promise<RawReply> {
  if (anonymousPaths.includes(raw.path)) return openPage(raw.path, release);
  const client = (await authenticate(raw)) ?? bearerOf(deps, raw);
  if (!client) return refusal(new Refusal('Unauthorized', 'Unauthorized'));
  const user = impersonated(client, raw, bindingsIn(deps));
  if (isRefusal(user)) return refusal(user);
  const info = requestInfo(raw.path);
  if (!info) return refusal(badRequest('the path is no text in UTF-8'));
  const form = formOf(raw.headers['accept'] ?? '');
  if (form === undefined && info.kind !== 'other')
    return refusal(
      new Refusal(
        'NotAcceptable',
        'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
      ),
    );
  const attributes: Attributes =
    info.kind === 'resource'
      ? attributesOf(info.info, raw)
      : { verb: raw.method === 'HEAD' ? 'get' : raw.method.toLowerCase(), path: raw.path };
  if (!mayDo(user, attributes, bindingsIn(deps)))
    return refusal(forbiddenRequest(user, attributes));
  switch (info.kind) {
    case 'discovery':
      return documentReply(
        raw.method === 'GET'
          ? discovery(deps.registry, info, {
              isAggregated: form === 'aggregatedDiscovery',
              address: raw.origin.replace(/^https?:\/\//, ''),
            })
          : undefined,
        form === 'aggregatedDiscovery'
          ? 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
          : undefined,
      );
    case 'other':
      return other(deps, info.path);
    case 'resource':
      return await resourceAnswer(deps, raw, info.info, { user, form: form ?? 'object' });
  }
}

/** The service account whose bearer token the request carries; undefined: no valid token. */
function bearerOf({ tokens }: KubeDeps, { headers }: RawRequest): User | undefined {
  const [, token] = /^bearer +(\S+)$/i.exec(headers['authorization'] ?? '') ?? [];
  return token === undefined ? undefined : tokens.check(token)?.user;
}

function openPage(path: string, release: string): RawReply {
  return path === '/version'
    ? reply(200, versionDocument(release))
    : {
        status: 200,
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        body: Buffer.from('ok'),
      };
}

function other({ registry }: KubeDeps, path: string): RawReply {
  if (path === '/openapi/v3') return reply(200, openapiIndex(registry));
  if (path.startsWith('/openapi/v3/')) {
    const text = openapiDocument(registry, path.slice('/openapi/v3/'.length));
    return documentReply(text === undefined ? undefined : new JsonText(text));
  }
  if (path === '/')
    return reply(200, {
      paths: ['/api', '/apis', '/healthz', '/livez', '/openapi/v3', '/readyz', '/version'],
    });
  return documentReply(undefined);
}

/**
 * What a request does to which objects, for its authorization. As upstream, a list whose field
 * selector names a single object is authorized for that object, and a namespace counts as being in
 * itself: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources
 */
function attributesOf(request: ResourceRequest, raw: RawRequest): Attributes {
  const { group, plural, subresource } = request;
  const name = request.name || nameInSelector(new URLSearchParams(raw.query).get('fieldSelector'));
  const isNamespace = group === '' && plural === 'namespaces';
  return {
    verb: verbOf(request, raw),
    group,
    resource: plural,
    subresource,
    namespace: isNamespace ? request.name : request.namespace,
    name: raw.method === 'POST' ? request.name : name,
  };
}

function forbiddenRequest(user: User, attributes: Attributes): Refusal {
  const words = refusalWords(user, attributes);
  if ('path' in attributes) return new Refusal('Forbidden', `forbidden: ${words}`);
  const { group, resource, name } = attributes;
  const subject = { group, kind: resource, ...(name === '' ? {} : { name }) };
  const what = `${resource}${group === '' ? '' : `.${group}`}${name === '' ? '' : ` "${name}"`}`;
  return new Refusal('Forbidden', `${what} is forbidden: ${words}`, { subject });
}

async function resourceAnswer(
  deps: KubeDeps,
  raw: RawRequest,
  request: ResourceRequest,
  { user, form }: { user: User; form: Form },
): Promise<RawReply> {
  const resource = deps.registry.find(request.group, request.version, request.plural);
  if (!resource) return documentReply(undefined);
  if (request.subresource !== '' && !hasSubresource(resource, request.subresource))
    return documentReply(undefined);
  if (request.namespace !== '' && !resource.namespaced) return documentReply(undefined);
  if (isMisplaced(resource, request, raw.method)) return documentReply(undefined);
  if (request.subresource !== '' && !servesVerb(request.subresource, verbOf(request, raw)))
    return refusal(methodNotAllowed());
  const outcome = await serveResource(deps, raw, {
    resource,
    request,
    user,
    view: { form, includeObject: includeObjectOf(raw) },
  });
  if (isRefusal(outcome)) return refusal(outcome);
  const { status, body, warnings } = outcome;
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'cache-control': 'no-cache, private',
  };
  if (warnings.length > 0) headers['warning'] = warningHeader(warnings);
  return { status, headers, body: body as RawReply['body'] };
}

/** Warnings are sent in a header, which must be short ASCII text. 4 kB is upstream's limit, too. */
const maxWarningLength = 4_096;

function warningHeader(warnings: readonly string[]): string {
  const escaped = (text: string): string =>
    JSON.stringify(text.slice(0, 256)).replace(
      /[^\x20-\x7e]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  let header = '';
  for (const text of warnings) {
    const next = `${header === '' ? '' : ', '}299 - ${escaped(text)}`;
    if (header.length + next.length > maxWarningLength) break;
    header += next;
  }
  return header;
}

/**
 * Whether the path's namespace does not fit: an object of a namespaced resource needs one, except
 * in a list over all namespaces.
 */
const isMisplaced = (
  resource: Resource,
  { namespace, name }: ResourceRequest,
  method: string,
): boolean =>
  resource.namespaced &&
  namespace === '' &&
  resource.verbs.length > 1 &&
  (name !== '' || !['GET', 'HEAD'].includes(method));

function includeObjectOf({ query }: RawRequest): IncludeObject {
  const wanted = new URLSearchParams(query).get('includeObject');
  return wanted === 'None' || wanted === 'Object' ? wanted : 'Metadata';
}

const reply = (status: number, body: unknown, type = 'application/json'): RawReply => ({
  status,
  headers: { 'content-type': type },
  body: body as RawReply['body'],
});

const documentReply = (body: unknown, type?: string): RawReply =>
  body === undefined
    ? refusal(new Refusal('NotFound', 'the server could not find the requested resource'))
    : reply(200, body, type);

function refusal(refused: Refusal): RawReply {
  const response = reply(refused.code, refused.toStatus());
  if (refused.retryAfterSeconds !== undefined)
    response.headers['retry-after'] = String(refused.retryAfterSeconds);
  return response;
}

// Executes requests: request id, route, microversion, token, policy, schema, handler, fault.
// Sockets (server.ts) and in-process callers (client.ts) both use it, so that the same checks
// apply.
import { Readable } from 'node:stream';
import findMyWay from 'find-my-way';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Clock } from '#platform/clock.ts';
import { isStorageFull, isUnavailable } from '#platform/db/errors.ts';
import { acceptsJson } from '#platform/http/accept.ts';
import type {
  HttpHandler,
  HttpMethod,
  Query,
  RawReply,
  RawRequest,
} from '#platform/http/messages.ts';
import { readJson } from '#platform/http/read-json.ts';
import { headerFault, targetFault } from '#platform/http/request-text.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';
import { ruleAllows } from '../auth/access-rules.ts';
import type { AuthContext, TokenValidator } from '../auth/context.ts';
import type { Policy } from '../policy/policy.ts';
import { createPolicy } from '../policy/policy.ts';
import { alwaysLegal, faultReply } from './faults-to-http.ts';
import { negotiate, versionHeaders } from './microversion.ts';
import type { ApiRequest, HttpFace, Reply, Route } from './route.ts';
import { bodyChecker } from './schema.ts';

export interface Dispatcher extends HttpHandler {
  faces: readonly HttpFace[];
}

interface BoundRoute {
  face: BoundFace;
  definition: Route;
  check: ReturnType<typeof bodyChecker> | undefined;
  legal: ReadonlySet<string>;
}
interface BoundFace {
  face: HttpFace;
  policy: Policy;
}

export interface DispatcherDeps {
  tokens: TokenValidator;
  clock: Clock;
  ids: Ids;
  log: Log;
  metrics?: Metrics;
  /** Public URL of Keystone, for callers without a token. */
  identityUrl: string;
  /** Rules that operators set, by service; they override default rules of the same name. */
  policyOverrides?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const noRoutes: readonly BoundRoute[] = [];
const methods: readonly HttpMethod[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

export function createDispatcher(faces: readonly HttpFace[], deps: DispatcherDeps): Dispatcher {
  const router = findMyWay({ ignoreTrailingSlash: true, maxParamLength: 4096 });
  const table = new Map<string, BoundRoute[]>();
  const bound = faces.map((face): BoundFace => ({
    face,
    policy: createPolicy({ ...face.policies, ...deps.policyOverrides?.[face.name] }),
  }));
  for (const owner of bound) {
    for (const definition of owner.face.routes) {
      if (definition.policy !== null && !owner.policy.rules().has(definition.policy))
        throw new Error(
          `${owner.face.name}: route ${definition.method} ${definition.path} names the unknown policy ${definition.policy}`,
        );
      const path = owner.face.mount + (definition.path === '/' ? '' : definition.path) || '/';
      const key = `${definition.method} ${path.replace(/:\w+/g, ':')}`;
      const routes = table.get(key) ?? [];
      routes.push({
        face: owner,
        definition,
        check: definition.body && bodyChecker(definition.body),
        legal: new Set(definition.faults ?? []),
      });
      if (routes.length === 1) {
        table.set(key, routes);
        router.on(definition.method, path, () => undefined, routes);
      }
    }
  }

  const ownerOf = (path: string): BoundFace | undefined =>
    bound
      .filter(
        ({ face }) => path === face.mount || path.startsWith(`${face.mount}/`) || face.mount === '',
      )
      .sort((a, b) => b.face.mount.length - a.face.mount.length)[0];

  /**
   * Whether the request carries the token of a service beside the user's. Then the user's access
   * rules were checked when the user's own request arrived.
   */
  async function comesFromService(raw: RawRequest): Promise<Outcome<boolean>> {
    const token = raw.headers['x-service-token'];
    if (token === undefined) return false;
    const service = await deps.tokens.validate(token);
    if (isFault(service)) return service.kind === 'unauthorized' ? false : service;
    return service.roles.includes('service');
  }

  const notAuthenticated = (): Fault =>
    fault('unauthorized', 'The request you have made requires authentication.', {
      identityUrl: deps.identityUrl,
    });

  /**
   * The caller, by the request's token. unauthorized: there is no valid token, or its access rules
   * do not allow the request. unavailable: Keystone cannot be asked now, which must not look like a
   * wrong token to the caller.
   */
  async function authenticate(raw: RawRequest, owner: BoundFace): Promise<Outcome<AuthContext>> {
    const token = raw.headers['x-auth-token'];
    if (!token) return notAuthenticated();
    const context = await deps.tokens.validate(token);
    if (isFault(context)) return context.kind === 'unauthorized' ? notAuthenticated() : context;
    const path = raw.path.slice(owner.face.mount.length) || '/';
    if (ruleAllows(context.accessRules, owner.face.serviceType, raw.method, path)) return context;
    const vouched = await comesFromService(raw);
    if (vouched) return isFault(vouched) ? vouched : context;
    return fault(
      'unauthorized',
      'The access rules of this application credential do not allow this request.',
      { identityUrl: deps.identityUrl },
    );
  }

  const candidatesOf = (method: HttpMethod, path: string): readonly BoundRoute[] =>
    (router.find(method, path)?.store as BoundRoute[] | undefined) ?? noRoutes;

  /**
   * The methods of a path in this microversion, for the header `Allow`; '' if there is no such
   * path. RFC 9110, 10.2.1.
   */
  function allowed(path: string, version: number): string {
    const has = (method: HttpMethod): boolean =>
      candidatesOf(method, path).some(({ definition }) => existsIn(definition, version));
    const names: string[] = methods.filter(
      (method) => has(method) || (method === 'HEAD' && has('GET')),
    );
    return names.length === 0 ? '' : [...names, 'OPTIONS'].join(', ');
  }

  /**
   * The fault if no route matches. A path with a trailing slash does not exist, so it has no
   * `Allow`.
   */
  function withoutRoute(
    raw: RawRequest,
    candidates: readonly BoundRoute[],
    version: number,
  ): Outcome<Reply> {
    const allow = candidates.length > 0 || raw.path.endsWith('/') ? '' : allowed(raw.path, version);
    if (allow === '') return fault('notFound', 'The resource could not be found.');
    if (raw.method === 'OPTIONS') return { status: 200, headers: { allow } };
    return fault('methodNotAllowed', `The method ${raw.method} is not allowed for this resource.`, {
      allow,
    });
  }

  async function answer(
    raw: RawRequest,
    requestId: string,
    owner: BoundFace,
    candidates: readonly BoundRoute[],
    params: Record<string, string>,
  ): Promise<{ reply: Outcome<Reply>; route?: BoundRoute; version: number | null }> {
    const wrongText = targetFault(raw.path, raw.query) ?? headerFault(raw.headers);
    if (wrongText) return { reply: wrongText, version: null };
    const open = (raw.method === 'OPTIONS' ? candidatesOf('GET', raw.path) : candidates).find(
      ({ definition }) => definition.auth === 'none',
    );
    const range = owner.face.microversions;
    const header = (name: string): string | undefined => raw.headers[name];
    let version = range?.min ?? 0;
    if (range && !open?.definition.unversioned) {
      const negotiated = negotiate(range, header);
      if (isFault(negotiated)) return { reply: negotiated, version: null };
      version = negotiated;
    }
    const who = open ? undefined : await authenticate(raw, owner);
    if (isFault(who)) return { reply: who, version };
    const route = candidates.find(({ definition }) => existsIn(definition, version));
    if (!route) return { reply: withoutRoute(raw, candidates, version), version };
    return { reply: await run(raw, requestId, route, params, version, who), route, version };
  }

  async function run(
    raw: RawRequest,
    id: string,
    route: BoundRoute,
    params: Record<string, string>,
    version: number,
    who: AuthContext | undefined,
  ): Promise<Outcome<Reply>> {
    const {
      definition,
      face: { face, policy },
    } = route;
    const own = who && { project_id: who.projectId, user_id: who.userId, domain_id: who.domainId };
    if (
      who &&
      own &&
      definition.policy !== null &&
      !definition.objectPolicy &&
      !policy.allows(definition.policy, who, own)
    ) {
      return fault('forbidden', `Policy doesn't allow ${definition.policy} to be performed.`);
    }
    if (
      face.honoursAccept &&
      definition.method === 'GET' &&
      definition.auth !== 'none' &&
      !acceptsJson(raw.headers['accept'])
    ) {
      return fault('notAcceptable', 'Only application/json is provided');
    }
    let body: Json = null;
    if (!definition.streams && raw.method !== 'GET' && raw.method !== 'HEAD') {
      const read = await readJson(
        raw,
        {
          jsonTypes: definition.jsonTypes,
          maxBodyBytes: definition.maxBodyBytes ?? face.maxBodyBytes,
        },
        deps.clock,
      );
      if (isFault(read)) return read;
      body = read;
      const wrong = route.check?.(body, version);
      if (wrong) return wrong;
    }
    const request = {
      id,
      method: raw.method,
      path: raw.path.slice(face.mount.length),
      params,
      queryString: raw.query,
      body,
      version,
      query: parseQuery(raw.query),
      header: (name: string) => raw.headers[name],
      baseUrl: raw.origin + face.mount,
      source: raw.source ?? '',
      get auth(): AuthContext {
        if (!who)
          throw new Error(`${definition.method} ${definition.path} reads auth but needs no token`);
        return who;
      },
      get stream(): Readable {
        return raw.body && 'stream' in raw.body ? raw.body.stream : Readable.from([]);
      },
      allows: (rule: string, target?: object) =>
        who !== undefined && policy.allows(rule, who, { ...own, ...target }),
    } satisfies ApiRequest;
    // validated by the schema above
    const reply = await definition.handler(request as ApiRequest<never>);
    if (isFault(reply) && !alwaysLegal.has(reply.kind) && !route.legal.has(reply.kind)) {
      throw new Error(
        `${definition.method} ${definition.path} may not answer ${reply.kind}: ${reply.message}`,
      );
    }
    return reply;
  }

  async function handle(raw: RawRequest): Promise<RawReply> {
    const startedAt = deps.clock.monotonicMs();
    const sentId = raw.headers['x-openstack-request-id'];
    const requestId = sentId && /^req-[0-9a-f-]{36}$/.test(sentId) ? sentId : deps.ids.requestId();
    // HEAD is handled as GET without a body, unless HEAD has a route of its own.
    const match =
      router.find(raw.method, raw.path) ??
      (raw.method === 'HEAD' ? router.find('GET', raw.path) : null);
    const candidates = (match?.store as BoundRoute[] | undefined) ?? noRoutes;
    const owner = candidates[0]?.face ?? ownerOf(raw.path);
    if (!owner)
      return {
        status: 404,
        headers: { 'x-openstack-request-id': requestId, 'content-type': 'application/json' },
        body: {
          error: { code: 404, title: 'Not Found', message: `No service answers at ${raw.path}.` },
        },
      };
    const { face } = owner;
    let version: number | null = null;
    let route: BoundRoute | undefined;
    let reply: Reply;
    try {
      const response = await answer(
        raw,
        requestId,
        owner,
        candidates,
        (match?.params ?? {}) as Record<string, string>,
      );
      ({ version, route } = response);
      reply = isFault(response.reply)
        ? faultReply(response.reply, face.faultStyle, requestId)
        : response.reply;
    } catch (error) {
      deps.log.error(
        { service: face.name, method: raw.method, path: raw.path, req: requestId, err: error },
        'request failed unexpectedly',
      );
      const databaseRefusal = databaseFault(error);
      reply = databaseRefusal
        ? faultReply(databaseRefusal, face.faultStyle, requestId)
        : {
            status: 500,
            headers: { 'content-type': face.faultStyle.contentType ?? 'application/json' },
            body: face.faultStyle.body(
              500,
              fault(
                'unavailable',
                `Unexpected API Error. Please report this with the request id ${requestId}.`,
              ),
              requestId,
            ),
          };
    }
    const headers: Record<string, string> = { 'x-openstack-request-id': requestId };
    if (face.requestIdHeader) headers[face.requestIdHeader] = requestId;
    if (face.microversions && version !== null)
      Object.assign(headers, versionHeaders(face.microversions, version));
    Object.assign(headers, reply.headers);
    deps.metrics?.http(
      {
        service: face.name,
        route: route?.definition.path ?? 'unknown',
        method: raw.method,
        status: reply.status,
      },
      deps.clock.monotonicMs() - startedAt,
    );
    deps.log.debug(
      {
        service: face.name,
        method: raw.method,
        path: raw.path,
        status: reply.status,
        req: requestId,
        ms: Math.round(deps.clock.monotonicMs() - startedAt),
      },
      'request',
    );
    return { status: reply.status, headers, body: reply.body };
  }

  return { handle, faces };
}

const existsIn = ({ since = 0, until = Infinity }: Route, version: number): boolean =>
  since <= version && version <= until;

const emptyQuery: Query = Object.create(null) as Query;

function parseQuery(text: string): Query {
  if (text === '') return emptyQuery;
  const query: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const [name, value] of new URLSearchParams(text)) (query[name] ??= []).push(value);
  return query;
}

/** The fault for an error of the database itself; undefined: the error is a bug. */
function databaseFault(error: unknown): Fault | undefined {
  if (isStorageFull(error))
    return fault(
      'storageFull',
      'The disk of this cloud is full: nothing was changed. Reading goes on; try again when its operator has freed some space.',
    );
  if (isUnavailable(error))
    return fault('unavailable', 'The database cannot serve this request now; try again.', {
      retryAfter: '1',
    });
  return undefined;
}

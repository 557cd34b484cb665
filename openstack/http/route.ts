// The types of the HTTP edge: a route is data, a handler turns a request into a reply or a fault.
// Services list routes; the dispatcher executes them for sockets and for in-process callers alike.
import type { Readable } from 'node:stream';
import type { TSchema } from 'typebox';
import type { Fault, FaultKind, Outcome } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { HttpMethod, JsonText, Query } from '#platform/http/messages.ts';
import type { AuthContext } from '../auth/context.ts';
import type { PolicyTarget } from '../policy/policy.ts';

export interface ApiRequest<Body = Json> {
  /** `req-<uuid>`; passed on to every service and agent that this request reaches. */
  readonly id: string;
  readonly method: HttpMethod;
  /** Below the service's mount, e.g. `/v2.1/servers`. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  /** The raw query string, for links that repeat it. '' if there is none. */
  readonly queryString: string;
  header(name: string): string | undefined;
  /** The caller. Reading it in a route with `auth: 'none'` is a bug and throws. */
  readonly auth: AuthContext;
  /** Checked against the route's schema; null if nothing was sent. */
  readonly body: Body;
  /** The body's bytes; only in routes with `streams: true`. */
  readonly stream: Readable;
  /**
   * Minor number of the negotiated microversion (2.47 -> 47); 0 in a service without microversions.
   */
  readonly version: number;
  /** Address of the caller; '' for a service in this process. */
  readonly source: string;
  /**
   * The URL under which the caller reached this service, for links: `http://host:port/compute`. No
   * trailing slash.
   */
  readonly baseUrl: string;
  /** Whether the policy allows the caller to do `rule` to `target`. */
  allows(rule: string, target?: PolicyTarget): boolean;
}

export interface Reply {
  status: number;
  /** Plain JSON data, JSON as text, bytes, or a stream. */
  body?: Json | JsonText | Readable | Buffer;
  headers?: Record<string, string>;
}

/**
 * A body schema, or one for each range of microversions: the entry with the greatest `from` not
 * above the request's version applies.
 */
export type BodySchema = TSchema | readonly { from: number; schema: TSchema }[];

export interface Route {
  method: HttpMethod;
  /** Below the mount; `:name` matches one segment, `*` the rest. */
  path: string;
  /** 'token' (default): a valid token is required. 'none': no token is needed. */
  auth?: 'token' | 'none';
  /**
   * Policy rule checked before the handler, against `{project_id, user_id}` of the caller; null:
   * any valid token.
   */
  policy: string | null;
  /**
   * The rule depends on the requested object (its owner, its place), so the handler checks it
   * instead of the dispatcher.
   */
  objectPolicy?: boolean;
  body?: BodySchema;
  /** Content types with JSON besides application/json. */
  jsonTypes?: readonly string[];
  /** The handler reads `request.stream` itself; nothing is buffered. */
  streams?: boolean;
  /** Maximum size of a buffered body; default: the face's limit, else 112 KiB. */
  maxBodyBytes?: number;
  /** First minor microversion in which the route exists; default: the API's first. */
  since?: number;
  /** Last minor microversion in which the route exists; default: the API's latest. */
  until?: number;
  /** Version documents: answered in any microversion, even an unknown one. */
  unversioned?: boolean;
  /**
   * Faults that this route may return besides those that every route may (`alwaysLegal`). Any other
   * one is a bug: 500.
   */
  faults?: readonly FaultKind[];
  handler(request: ApiRequest<never>): Promise<Outcome<Reply>> | Outcome<Reply>;
}

/**
 * Makes a route, and binds the handler's body type to it. The schema validates the body, so this
 * cast is safe.
 */
export function route<Body = Json>(
  method: HttpMethod,
  path: string,
  definition: Omit<Route, 'method' | 'path' | 'handler'> & {
    handler(request: ApiRequest<Body>): Promise<Outcome<Reply>> | Outcome<Reply>;
  },
): Route {
  return { method, path, ...definition } as Route;
}

/** How a service formats its faults. */
export interface FaultStyle {
  /** Overrides of the common status codes, e.g. overQuota. */
  status?: Partial<Record<FaultKind, number>>;
  contentType?: string;
  body(status: number, fault: Fault, requestId: string): Json;
}

export interface Microversions {
  /** The service type in `OpenStack-API-Version: <type> <version>`. */
  type: string;
  /** An older header with only the version. */
  legacyHeader?: string;
  major: number;
  min: number;
  max: number;
}

/** An HTTP API of a role. */
export interface HttpFace {
  /** e.g. 'nova'. */
  name: string;
  /** In the catalog, e.g. 'compute'; access rules refer to it. */
  serviceType: string;
  /** e.g. '/compute'. */
  mount: string;
  routes: readonly Route[];
  faultStyle: FaultStyle;
  microversions?: Microversions;
  /**
   * Maximum body size for its routes; default 112 KiB. Larger where upstream has no limit, or where
   * clients send many objects at once.
   */
  maxBodyBytes?: number;
  /**
   * Whether an Accept header that excludes JSON is refused with 406. Other services ignore Accept,
   * as upstream's do.
   */
  honoursAccept?: boolean;
  /** Default policy rules by name. */
  policies: Readonly<Record<string, string>>;
  /** An additional name of the request id header, e.g. 'x-compute-request-id'. */
  requestIdHeader?: string;
}

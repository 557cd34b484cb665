// The words of the HTTP edge: a route is data, a handler turns a request into a reply or a fault
// value. Services list routes; the dispatcher carries them out for sockets and for in-process
// callers alike.
import type { Readable } from 'node:stream';
import type { TSchema } from 'typebox';
import type { Fault, FaultKind, Outcome } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { HttpMethod, JsonText, Query } from '#platform/http/messages.ts';
import type { AuthContext } from '../auth/context.ts';
import type { PolicyTarget } from '../policy/policy.ts';

export interface ApiRequest<Body = Json> {
  /** `req-<uuid>`; travels on to every service and agent this request reaches. */
  readonly id: string;
  readonly method: HttpMethod;
  /** Below the service's mount, e.g. `/v2.1/servers`. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  /** The raw query string, for links that repeat it. '' when there is none. */
  readonly queryString: string;
  header(name: string): string | undefined;
  /** Who asks. Reading it in a route with `auth: 'none'` is a bug and throws. */
  readonly auth: AuthContext;
  /** Checked against the route's schema; null where nothing was sent. */
  readonly body: Body;
  /** The body's bytes, in routes with `streams: true` only. */
  readonly stream: Readable;
  /** Minor number of the negotiated microversion (2.47 -> 47); 0 in a service that has none. */
  readonly version: number;
  /** Address the request comes from; '' for a service in this process. */
  readonly source: string;
  /**
   * Where the caller reached this service, for links: `http://host:port/compute`. No trailing
   * slash.
   */
  readonly baseUrl: string;
  /** Whether the policy lets the caller do `rule` to `target`. */
  allows(rule: string, target?: PolicyTarget): boolean;
}

export interface Reply {
  status: number;
  /**
   * Plain JSON data (an in-process caller receives it as it is and only reads it); JSON as text;
   * bytes; or a stream.
   */
  body?: Json | JsonText | Readable | Buffer;
  headers?: Record<string, string>;
}

/**
 * A body schema, or one a range of microversions: the entry with the greatest `from` not above the
 * request's version counts.
 */
export type BodySchema = TSchema | readonly { from: number; schema: TSchema }[];

export interface Route {
  method: HttpMethod;
  /** Below the mount; `:name` takes one segment, `*` the rest. */
  path: string;
  /** 'token' (default): a valid token is required. 'none': anybody. */
  auth?: 'token' | 'none';
  /**
   * Policy rule checked before the handler, against `{project_id, user_id}` of the caller; null:
   * any valid token.
   */
  policy: string | null;
  /**
   * The rule speaks of the object that is asked for (whose it is, where it lies), so that the
   * handler checks it and the dispatcher does not.
   */
  objectPolicy?: boolean;
  body?: BodySchema;
  /** Content types that hold JSON besides application/json. */
  jsonTypes?: readonly string[];
  /** The handler reads `request.stream` itself; nothing is buffered. */
  streams?: boolean;
  /** Bounds a buffered body; else the face's bound counts, else 112 KiB. */
  maxBodyBytes?: number;
  /** First and last microversion (minor) in which the route exists. */
  since?: number;
  until?: number;
  /** Version documents: answered in any microversion, even an unknown one. */
  unversioned?: boolean;
  /**
   * Faults this route may answer besides those every route may (see dispatcher). Another one is a
   * bug: 500.
   */
  faults?: readonly FaultKind[];
  handler(request: ApiRequest<never>): Promise<Outcome<Reply>> | Outcome<Reply>;
}

/** Binds a handler's body type to the route: the schema proves it, so the cast lives here alone. */
export function route<Body = Json>(
  definition: Omit<Route, 'handler'> & {
    handler(request: ApiRequest<Body>): Promise<Outcome<Reply>> | Outcome<Reply>;
  },
): Route {
  return definition as Route;
}

/** How a service words its faults. */
export interface FaultStyle {
  /** Overrides of the common status codes, e.g. overQuota. */
  status?: Partial<Record<FaultKind, number>>;
  contentType?: string;
  body(status: number, fault: Fault, requestId: string): Json;
}

export interface Microversions {
  /** The service type in `OpenStack-API-Version: <type> <version>`. */
  type: string;
  /** An older header with the version alone. */
  legacyHeader?: string;
  major: number;
  min: number;
  max: number;
}

/** A service's HTTP face. */
export interface HttpFace {
  /** e.g. 'nova'. */
  name: string;
  /** In the catalog, e.g. 'compute'; access rules name it. */
  serviceType: string;
  /** e.g. '/compute'. */
  mount: string;
  routes: readonly Route[];
  faultStyle: FaultStyle;
  microversions?: Microversions;
  /**
   * Bounds the bodies of its routes; 112 KiB unless told: upstream has no bound there, or clients
   * send many objects at once.
   */
  maxBodyBytes?: number;
  /**
   * Answers JSON or 406: an Accept header that takes no JSON is refused. Others ignore Accept, as
   * their models upstream do.
   */
  honoursAccept?: boolean;
  /** Default policy rules by name. */
  policies: Readonly<Record<string, string>>;
  /** Extra name for the request id header, e.g. 'x-compute-request-id'. */
  requestIdHeader?: string;
}

// Expected failures. A handler or a step returns one as a value; bugs are thrown. Only
// `openstack/http/faults-to-http.ts` maps kinds to status codes and bodies.

/** The kinds of expected failures, each with its HTTP status. */
export type FaultKind =
  | 'badRequest' // 400: the request itself is wrong; message names the field and what is allowed
  | 'unauthorized' // 401: no, bad or expired credentials
  | 'forbidden' // 403: known caller, not allowed
  | 'overQuota' // 403 in compute, 413 in block storage, 409 in network
  | 'notFound' // 404: also for another tenant's object
  | 'methodNotAllowed' // 405
  | 'notAcceptable' // 406: microversion outside the range
  | 'requestTimeout' // 408: the body did not come in time
  | 'conflict' // 409: the state forbids it now
  | 'concurrentUpdate' // 409: a generation was stale, the caller may retry
  | 'gone' // 410
  | 'preconditionFailed' // 412
  | 'tooLarge' // 413
  | 'unsupportedMediaType' // 415
  | 'rangeNotSatisfiable' // 416
  | 'unprocessable' // 422
  | 'tooManyRequests' // 429: too many requests of this caller at once; detail.retryAfter: seconds until it may try again
  | 'notImplemented' // 501
  | 'unavailable' // 503: try again later
  | 'storageFull' // 507: the cloud's own disk is full; nothing was changed
  | 'timeout'; // 504: a deadline passed

/** An expected failure. Never thrown; see `isFault`. */
export class Fault {
  readonly kind: FaultKind;
  /** For the caller: names the field or object and what is allowed. */
  readonly message: string;
  /**
   * Service-specific facts for the fault body, e.g. `{type: 'PortNotFound'}` or `{code:
   * 'placement.concurrent_update'}`.
   */
  readonly detail: Readonly<Record<string, string>>;

  constructor(kind: FaultKind, message: string, detail: Readonly<Record<string, string>> = {}) {
    this.kind = kind;
    this.message = message;
    this.detail = detail;
  }

  /** Plain data for journals and RPC messages; `Fault.from` reverses it. */
  toJSON(): FaultRecord {
    return { kind: this.kind, message: this.message, detail: this.detail };
  }

  static from(record: FaultRecord): Fault {
    return new Fault(record.kind, record.message, record.detail ?? {});
  }
}

/** A fault as plain data. */
export interface FaultRecord {
  kind: FaultKind;
  message: string;
  detail?: Readonly<Record<string, string>>;
}

/** A value, or the expected reason why there is none. */
export type Outcome<T> = T | Fault;

export function fault(
  kind: FaultKind,
  message: string,
  detail?: Readonly<Record<string, string>>,
): Fault {
  return new Fault(kind, message, detail);
}

export function isFault(value: unknown): value is Fault {
  return value instanceof Fault;
}

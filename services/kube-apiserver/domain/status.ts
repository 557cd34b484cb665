// The API server's refusals as values, with Kubernetes' reasons and status codes.
// https://github.com/kubernetes/apimachinery/blob/v0.32.0/pkg/api/errors/errors.go (facts)
import type { JsonObject } from '#contracts/common/json.ts';

const codes = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
  InsufficientStorage: 507,
} as const;
export type Reason = keyof typeof codes;

/** One invalid field of a refused object. */
export interface Cause {
  reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueDuplicate'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
    | 'FieldManagerConflict'
    | 'UnexpectedServerResponse';
  message: string;
  /** Path of the field, e.g. `spec.overcommit[cpu]`. */
  field?: string;
}

/** The object or resource that a refusal is about. */
export interface Subject {
  group: string;
  /** A resource ('hypervisors'); for an invalid object its kind ('Hypervisor'). */
  kind: string;
  name?: string;
  uid?: string;
}

export class Refusal {
  readonly reason: Reason;
  readonly message: string;
  readonly subject: Subject | undefined;
  readonly causes: readonly Cause[];
  readonly retryAfterSeconds: number | undefined;

  constructor(
    reason: Reason,
    message: string,
    more: { subject?: Subject; causes?: readonly Cause[]; retryAfterSeconds?: number } = {},
  ) {
    this.reason = reason;
    this.message = message;
    this.subject = more.subject;
    this.causes = more.causes ?? [];
    this.retryAfterSeconds = more.retryAfterSeconds;
  }

  get code(): number {
    return codes[this.reason];
  }

  /** The refusal as the body of the answer. */
  toStatus(): JsonObject {
    const { subject, causes, retryAfterSeconds } = this;
    const hasDetails = subject !== undefined || causes.length > 0 || retryAfterSeconds;
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(hasDetails
        ? {
            details: {
              ...(subject?.name ? { name: subject.name } : {}),
              ...(subject?.group ? { group: subject.group } : {}),
              ...(subject ? { kind: subject.kind } : {}),
              ...(subject?.uid ? { uid: subject.uid } : {}),
              ...(causes.length > 0 ? { causes: causes.map((cause) => ({ ...cause })) } : {}),
              ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
            },
          }
        : {}),
      code: this.code,
    };
  }
}

export type Answer<T> = T | Refusal;

export const isRefusal = (value: unknown): value is Refusal => value instanceof Refusal;

export const badRequest = (message: string): Refusal => new Refusal('BadRequest', message);

/**
 * The words for an object, e.g. `hypervisors.kvm.cloud.sap "h1"`, with which messages about an
 * object begin.
 */
export const named = ({ group, kind, name }: Subject): string =>
  `${kind}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` "${name}"`}`;

export const notFound = (subject: Subject): Refusal =>
  new Refusal('NotFound', `${named(subject)} not found`, { subject });

export const alreadyExists = (subject: Subject): Refusal =>
  new Refusal('AlreadyExists', `${named(subject)} already exists`, { subject });

export const conflict = (subject: Subject, why: string): Refusal =>
  new Refusal('Conflict', `Operation cannot be fulfilled on ${named(subject)}: ${why}`, {
    subject,
  });

export const forbidden = (subject: Subject, why: string): Refusal =>
  new Refusal('Forbidden', `${named(subject)} is forbidden: ${why}`, { subject });

/** The refusal of an invalid object. `subject.kind` must be the object's kind, not its resource. */
export function invalid(subject: Subject, causes: readonly Cause[]): Refusal {
  const texts = causes.map(({ field, message }) => (field ? `${field}: ${message}` : message));
  const text = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return new Refusal('Invalid', `${named(subject)} is invalid: ${text}`, { subject, causes });
}

/** The Status for a successful request that leaves no object behind. */
export const success = (subject: Subject): JsonObject => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  details: {
    ...(subject.name === undefined ? {} : { name: subject.name }),
    ...(subject.group === '' ? {} : { group: subject.group }),
    kind: subject.kind,
    ...(subject.uid === undefined ? {} : { uid: subject.uid }),
  },
});

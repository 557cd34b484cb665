// What operators and agents need of a Kubernetes API: the cluster's, or our own. Drivers:
// adapters/kube, over a socket or in the process of our own server.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import type { KubeKind, KubeObject } from '#contracts/kube/object.ts';

/** Where an object is. */
export interface KubeRef {
  name: string;
  /** Of a namespaced kind. */
  namespace?: string;
}

export interface WriteOptions {
  /** Writes the status alone. */
  subresource?: 'status';
}

export interface Selector {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

/**
 * Faults of all: unavailable and timeout, the server does not answer now; forbidden; and
 * unprocessable, with the server's words, for an object that is wrong.
 */
export interface Kube {
  /** notFound. */
  get<T extends KubeObject>(kind: KubeKind<T>, ref: KubeRef): Promise<Outcome<T>>;

  list<T extends KubeObject>(kind: KubeKind<T>, selector?: Selector): Promise<Outcome<T[]>>;

  /** conflict: it is there already. */
  create<T extends KubeObject>(kind: KubeKind<T>, object: Wanted<T>): Promise<Outcome<T>>;

  /**
   * Merges into what is there (RFC 7386). concurrentUpdate: the patch names a resourceVersion that
   * it has no more. notFound.
   */
  patch<T extends KubeObject>(
    kind: KubeKind<T>,
    ref: KubeRef,
    patch: object,
    options?: WriteOptions,
  ): Promise<Outcome<T>>;

  /**
   * Server-side apply: this client owns what it sets, and takes it from others. Makes the object
   * where it is not there.
   */
  apply<T extends KubeObject>(
    kind: KubeKind<T>,
    object: Wanted<T>,
    options?: WriteOptions,
  ): Promise<Outcome<T>>;

  /** Of this very object if `uid` is told. Does nothing if it is not there. */
  remove(kind: KubeKind, ref: KubeRef, options?: { uid?: string }): Promise<Outcome<void>>;

  /**
   * The objects of a kind, kept up to date until `stop`: listed, then watched; listed again when
   * the watch is lost.
   */
  follow<T extends KubeObject>(kind: KubeKind<T>, options: FollowOptions<T>): Followed<T>;
}

/** What a client says of an object; the server adds the rest. */
export type Wanted<T extends KubeObject> = Omit<Partial<T>, 'metadata' | 'apiVersion' | 'kind'> & {
  metadata: Partial<T['metadata']>;
};

export interface FollowOptions<T extends KubeObject> extends Selector {
  /** `object` as it is now, or as it was last where `isGone`. Some changes may come twice. */
  onChange(object: T, isGone: boolean): void;
  /** The list or the watch failed; it is tried again by itself. */
  onTrouble?(fault: Fault): void;
}

export interface Followed<T extends KubeObject> {
  /** Resolves when the first list is there. */
  readonly ready: Promise<void>;
  /** As of the last event. */
  get(ref: KubeRef): T | undefined;
  list(): T[];
  stop(): Promise<void>;
}

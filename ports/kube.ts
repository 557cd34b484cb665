// What this cloud's components (Hypervisor Operator, Node Agent, Cortex, HA Service, compose, CLI)
// use of a Kubernetes API, a cluster's or that of services/kube-apiserver. Driver: adapters/kube,
// over a socket or in the process of our own API server.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import type { KubeKind, KubeObject } from '#contracts/kube/object.ts';

/** Identifies an object of a kind. */
export interface KubeRef {
  name: string;
  /** The object's namespace; only for a namespaced kind. */
  namespace?: string;
}

export interface WriteOptions {
  /** Writes only the status, by the status subresource. */
  subresource?: 'status';
}

export interface Selector {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

/**
 * A client of a Kubernetes API. Faults of all methods: unavailable and timeout (the server does not
 * answer now), forbidden, and unprocessable for an invalid object, with the server's message.
 */
export interface Kube {
  /** Reads an object. notFound. */
  get<T extends KubeObject>(kind: KubeKind<T>, ref: KubeRef): Promise<Outcome<T>>;

  list<T extends KubeObject>(kind: KubeKind<T>, selector?: Selector): Promise<Outcome<T[]>>;

  /** Creates an object. conflict: it exists already. */
  create<T extends KubeObject>(kind: KubeKind<T>, object: Wanted<T>): Promise<Outcome<T>>;

  /**
   * JSON merge patch (RFC 7386). concurrentUpdate: the patch names a resourceVersion that is
   * outdated. notFound.
   */
  patch<T extends KubeObject>(
    kind: KubeKind<T>,
    ref: KubeRef,
    patch: object,
    options?: WriteOptions,
  ): Promise<Outcome<T>>;

  /**
   * Server-side apply with force: this client becomes the owner of the fields that it sets, and
   * takes them from other managers. Creates the object if it does not exist.
   */
  apply<T extends KubeObject>(
    kind: KubeKind<T>,
    object: Wanted<T>,
    options?: WriteOptions,
  ): Promise<Outcome<T>>;

  /**
   * Deletes the object, or, with `uid`, only that very object and not a later one of the same name.
   * Does nothing if it does not exist.
   */
  remove(kind: KubeKind, ref: KubeRef, options?: { uid?: string }): Promise<Outcome<void>>;

  /**
   * A cache of a kind's objects, kept up to date until `stop` by list and watch, with a new list
   * when the watch is lost.
   */
  follow<T extends KubeObject>(kind: KubeKind<T>, options: FollowOptions<T>): Followed<T>;
}

/** An object as a client writes it; the server adds the rest of the metadata. */
export type Wanted<T extends KubeObject> = Omit<Partial<T>, 'metadata' | 'apiVersion' | 'kind'> & {
  metadata: Partial<T['metadata']>;
};

export interface FollowOptions<T extends KubeObject> extends Selector {
  /**
   * Called for each change, with the present object, or with the last one known where `isGone`
   * (deleted). A change may be reported twice.
   */
  onChange(object: T, isGone: boolean): void;
  /** Called when the list or watch failed; the driver retries by itself. */
  onTrouble?(fault: Fault): void;
}

export interface Followed<T extends KubeObject> {
  /** Resolves when the first list has arrived. */
  readonly ready: Promise<void>;
  /** The object as of the last event; undefined if there is none. */
  get(ref: KubeRef): T | undefined;
  list(): T[];
  stop(): Promise<void>;
}

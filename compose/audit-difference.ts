// One finding of `cobalt doctor --audit`.

export interface Difference {
  /** The kind, e.g. 'server without a guest'. */
  what: string;
  detail: string;
}

// One finding of `cobalt doctor --audit`.

export interface Difference {
  /** The kind of difference, e.g. 'server without a guest'. */
  what: string;
  detail: string;
}

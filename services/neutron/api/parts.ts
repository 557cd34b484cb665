// What Neutron's handlers get: the deps of the role, and its word to the writer.
import type { NeutronDeps } from '../deps.ts';

export interface NeutronParts extends NeutronDeps {
  /** Something was committed that the network below shows. Only wakes the writer; cheap. */
  changed(requestId: string): void;
}

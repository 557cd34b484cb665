// What Neutron's handlers receive: the role's deps, and the call that wakes the OVN writer.
import type { NeutronDeps } from '../deps.ts';

export interface NeutronParts extends NeutronDeps {
  /** Call after a commit that changes what OVN shows. Only wakes the OVN writer; cheap. */
  changed(requestId: string): void;
}

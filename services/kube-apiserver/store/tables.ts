// The tables of the API server's database, as Kysely types.
import type { Kysely } from 'kysely';

export type KubeDb = Kysely<KubeTables>;

export interface KubeTables {
  objects: {
    /** `hypervisors.kvm.cloud.sap`: storageKey in resource.ts. */
    kind: string;
    /** '' of a cluster-wide object. */
    namespace: string;
    name: string;
    revision: number;
    /** JSON, resourceVersion included. */
    text: string;
  };
  /** One row: the revision of the last change, also of one that removed its object. */
  revisions: { id: number; value: number };
}

// The tables of the API server's database, as Kysely types.
import type { Kysely } from 'kysely';

export type KubeDb = Kysely<KubeTables>;

export interface KubeTables {
  objects: {
    /** E.g. `hypervisors.kvm.cloud.sap`: see storageKey in domain/resource.ts. */
    kind: string;
    /** '' for a cluster-scoped object. */
    namespace: string;
    name: string;
    revision: number;
    /** The object as JSON, including its resourceVersion. */
    text: string;
  };
  /** One row: the revision of the last change, including deletions. */
  revisions: { id: number; value: number };
}

// Metadata that marks volumes and snapshots as created for a request that has no rows of its own
// yet. Pure. ADR 16.

/** Metadata of created volumes and snapshots: the id of the pending resources and the part. */
export const pendingKey = (id: string, part: number): Record<string, string> => ({
  nova_request: `${id}.${part}`,
});

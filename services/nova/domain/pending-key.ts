// How resources that a request creates at other services are marked until the request has a row of
// its own to show for them. Pure. ADR 16.

/**
 * Metadata of created volumes and snapshots: which request they came from, and which part of it.
 */
export const pendingKey = (id: string, part: number): Record<string, string> => ({
  nova_request: `${id}.${part}`,
});

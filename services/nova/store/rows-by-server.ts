// Reads rows of many servers, some hundreds at a time: interfaces and volumes.
const maxIdsAtOnce = 500;

/** By server, in the order of `read`; those without any are left out. */
export async function rowsByServer<Row extends { server_id: string }>(
  serverIds: readonly string[],
  read: (serverIds: readonly string[]) => Promise<Row[]>,
): Promise<Map<string, Row[]>> {
  const found = new Map<string, Row[]>();
  for (let at = 0; at < serverIds.length; at += maxIdsAtOnce)
    for (const row of await read(serverIds.slice(at, at + maxIdsAtOnce)))
      found.set(row.server_id, [...(found.get(row.server_id) ?? []), row]);
  return found;
}

// Reads rows that belong to many servers, in batches: interfaces and volumes.
const maxIdsAtOnce = 500;

/**
 * Reads the rows of these servers and groups them by server id, each list in the order of `read`;
 * servers without rows are left out.
 */
export async function rowsByServer<Row extends { server_id: string }>(
  serverIds: readonly string[],
  read: (serverIds: readonly string[]) => Promise<Row[]>,
): Promise<Map<string, Row[]>> {
  const rows = new Map<string, Row[]>();
  for (let at = 0; at < serverIds.length; at += maxIdsAtOnce)
    for (const row of await read(serverIds.slice(at, at + maxIdsAtOnce)))
      rows.set(row.server_id, [...(rows.get(row.server_id) ?? []), row]);
  return rows;
}

// A client of OVN's northbound schema, connected to a test's ovsdb-server. Used by ovsdb.test.ts
// and its neighbours.
import type { TestContext } from 'node:test';
import { silentLog } from '#platform/log.ts';
import { OvsdbClient, type ClientOptions } from './client.ts';
import { northbound } from './northbound.gen.ts';
import { operationsOf } from './operations.ts';
import { whyNoOvsdb } from './ovsdb-server.testing.ts';

/** Why tests with a real ovsdb-server are skipped on this machine; false: they run. */
export const skip = await whyNoOvsdb().then((reason) =>
  reason === null ? (false as const) : `no ovsdb-server here: ${reason}`,
);

export const nb = operationsOf(northbound);
export type Nb = typeof northbound;

/** A client of that server, which is closed when the test ends. */
export function connectedTo(
  context: TestContext,
  remote: string,
  options: Partial<ClientOptions<Nb>> = {},
): OvsdbClient<Nb> {
  const client = new OvsdbClient(
    { remotes: [remote], schema: northbound, backoffMs: { first: 20, last: 200 }, ...options },
    { log: silentLog },
  );
  context.after(() => client.close());
  return client;
}

/** The columns of switches and ports that the tests replicate. */
export const ports = {
  Logical_Switch: { columns: ['name', 'ports'] },
  Logical_Switch_Port: { columns: ['name', 'up', 'options', 'external_ids', 'tag'] },
} as const;

// The yardstick for writes to a northbound database: Open vSwitch's own tool inserts as many ports
// into a new file with OVN's schema.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const schema = '/usr/share/ovn/ovn-nb.ovsschema';
/** Limited, because a program's argument has at most 128 KiB (execve(2)). */
const transactionPorts = 500;

/** Inserts `count` ports, 500 and their switch in each transaction; returns ms. RFC 7047, 4.1.3. */
export async function insertedPortsMs(count: number): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'bare-'));
  const file = join(dir, 'nb.db');
  try {
    await run('ovsdb-tool', ['create', file, schema]);
    const startedAt = performance.now();
    for (let first = 0; first < count; first += transactionPorts)
      await run('ovsdb-tool', ['transact', file, JSON.stringify(switchWithPorts(first))]);
    return performance.now() - startedAt;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function switchWithPorts(first: number): unknown[] {
  const indexes = Array.from({ length: transactionPorts }, (_, index) => first + index);
  return [
    'OVN_Northbound',
    ...indexes.map((index) => ({
      op: 'insert',
      table: 'Logical_Switch_Port',
      'uuid-name': `p${index}`,
      row: {
        name: `yardstick-port-${index}`,
        addresses: `0a:00:00:00:00:01 10.0.0.${index % 250}`,
      },
    })),
    {
      op: 'insert',
      table: 'Logical_Switch',
      row: {
        name: `yardstick-${first}`,
        ports: ['set', indexes.map((index) => ['named-uuid', `p${index}`])],
      },
    },
  ];
}

// Parses the kernel's table of connections.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { addressIn } from './peer-address.ts';

it('a connection is found by its inode, and its address spelt as usual', () => {
  const table = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0000000000000000 100 0 0 10 0
   1: 000080FE00000000FEA9000000FEA9FE:0050 000080FE00000000FF3E16F85966AAFE:9C40 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0000000000000000 20 4 30 10 -1
`;
  assert.equal(addressIn(table, '222'), 'fe80::f816:3eff:feaa:6659');
  assert.equal(addressIn(table, '333'), null);
});

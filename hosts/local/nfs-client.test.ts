import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probeNfsClient } from './nfs-client.ts';

test('a kernel with an NFS client says so among its file systems', () => {
  assert.deepEqual(probeNfsClient('nodev\tproc\n\text4\nnodev\tnfs\nnodev\tnfs4\n'), { used: 'libnfs', kernel: true });
  assert.deepEqual(probeNfsClient('nodev\tproc\n\text4\nnodev\tnfsd\n'), { used: 'libnfs', kernel: false });
  assert.equal(typeof probeNfsClient().kernel, 'boolean');
});

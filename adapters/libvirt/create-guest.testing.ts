// A process that creates one guest, for tests that kill it meanwhile: create-guest.testing.ts
// SOCKET STATE_DIR SPEC_JSON. Run by libvirt.test.ts.
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import type { GuestSpec } from '#contracts/nova/guest.ts';
import { silentLog } from '#platform/log.ts';
import { createLibvirtHypervisor } from './libvirt-hypervisor.ts';

const [socketPath, stateDir, spec] = process.argv.slice(2);
if (socketPath === undefined || stateDir === undefined || spec === undefined)
  throw new Error('SOCKET STATE_DIR SPEC_JSON');
const hypervisor = createLibvirtHypervisor(
  { socketPath, stateDir, acceleration: 'tcg' },
  { log: silentLog, images: createQemuDiskImages({ log: silentLog }) },
);
await hypervisor.list(); // connected: the creation starts now
process.stdout.write('now\n');
await hypervisor.create(JSON.parse(spec) as GuestSpec);
await hypervisor.close();

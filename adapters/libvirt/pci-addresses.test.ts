// Parses a running domain's XML; libvirt.test.ts checks the same on a real guest.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pciAddressesIn } from './pci-addresses.ts';

test('devices on the PCI bus are told by port and device name, others are left out', () => {
  assert.deepEqual(
    pciAddressesIn(`
    <disk type='file' device='disk'><source file='/a'/><target dev='vda' bus='virtio'/><alias name='virtio-disk0'/><address type='pci' domain='0x0000' bus='0x00' slot='0x04' function='0x0'/></disk>
    <disk type='network' device='disk'><source protocol='nfs' name='/v/x'/><target dev='sda' bus='scsi'/><address type='drive' controller='0' bus='0' target='0' unit='1'/></disk>
    <interface type='bridge'><mac address='fa:16:3e:00:00:01'/><virtualport type='openvswitch'><parameters interfaceid='p-1'/></virtualport><address type='pci' domain='0x0001' bus='0x1a' slot='0x1f' function='0x7'/></interface>
    <controller type='virtio-serial'><address type='pci' domain='0x0000' bus='0x00' slot='0x06' function='0x0'/></controller>`),
    { vda: '0000:00:04.0', 'p-1': '0001:1a:1f.7' },
  );
});

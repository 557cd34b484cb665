// A guest's diagnostics: libvirt's own counter names below 2.48, upstream's driver-independent
// format from 2.48 on.
import type { JsonObject } from '#contracts/common/json.ts';
import type { GuestDiagnostics } from '#contracts/nova/guest.ts';
import type { Server } from '../../store/servers.ts';

export function diagnosticsView(
  read: GuestDiagnostics,
  server: Server,
  macs: readonly string[],
  version: number,
): JsonObject {
  if (version < 48) {
    const view: JsonObject = {
      memory: read.memoryMib * 1024,
      'memory-actual': read.memoryMib * 1024,
      'memory-rss': read.memoryUsedMib * 1024,
    };
    read.cpuTimeNs.forEach((ns, index) => (view[`cpu${index}_time`] = ns));
    for (const disk of read.disks) {
      Object.assign(view, {
        [`${disk.target}_read`]: disk.readBytes,
        [`${disk.target}_read_req`]: disk.readRequests,
        [`${disk.target}_write`]: disk.writeBytes,
        [`${disk.target}_write_req`]: disk.writeRequests,
        [`${disk.target}_errors`]: disk.errors,
      });
    }
    return view;
  }
  return {
    state:
      read.state === 'crashed'
        ? 'crashed'
        : read.state === 'shutoff' || read.state === 'absent'
          ? 'shutdown'
          : read.state,
    driver: 'libvirt',
    hypervisor: 'kvm',
    hypervisor_os: 'linux',
    uptime: read.uptimeS,
    config_drive: server.config_drive === 1,
    num_cpus: read.cpuTimeNs.length,
    num_disks: read.disks.length,
    num_nics: macs.length,
    memory_details: { maximum: read.memoryMib, used: read.memoryUsedMib },
    cpu_details: read.cpuTimeNs.map((time, id) => ({ id, time, utilisation: null })),
    disk_details: read.disks.map((disk) => ({
      read_bytes: disk.readBytes,
      read_requests: disk.readRequests,
      write_bytes: disk.writeBytes,
      write_requests: disk.writeRequests,
      errors_count: disk.errors,
    })),
    nic_details: macs.map((mac) => ({
      mac_address: mac,
      rx_octets: null,
      rx_errors: null,
      rx_drop: null,
      rx_packets: null,
      rx_rate: null,
      tx_octets: null,
      tx_errors: null,
      tx_drop: null,
      tx_packets: null,
      tx_rate: null,
    })),
  };
}

// The resources that a server claims of its host, as Placement's resource classes. Pure.
import type { Resources } from '#contracts/placement/wire.ts';
import type { Server } from '../store/servers.ts';

export const resourcesOf = (
  server: Pick<Server, 'vcpus' | 'memory_mib' | 'disk_gib'>,
): Resources => ({ VCPU: server.vcpus, MEMORY_MB: server.memory_mib, DISK_GB: server.disk_gib });

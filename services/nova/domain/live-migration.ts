// What a live migration has to copy, and how long it may take. Pure.
import type { FlavorFacts } from '#contracts/nova/facts.ts';
import type { Server } from '../store/servers.ts';
import { flavorOf } from './server-row.ts';

const mibPerGib = 1024;
/**
 * Disks and memory smaller than this count as this: nova.virt.libvirt.driver,
 * _live_migration_data_gb
 */
const leastGib = 2;

/**
 * Sizes of the disks on the server's host, which are copied with the guest. The config drive is
 * not: the destination creates it anew.
 */
export function localGib(server: Pick<Server, 'image_id' | 'flavor'>): number[] {
  const { diskGib, ephemeralGib, swapMib }: FlavorFacts = flavorOf(server);
  return [
    ...(server.image_id === null ? [] : [diskGib]),
    ...(ephemeralGib > 0 ? [ephemeralGib] : []),
    ...(swapMib > 0 ? [swapMib / mibPerGib] : []),
  ];
}

export const completionTimeoutMs = (
  server: Pick<Server, 'image_id' | 'flavor' | 'memory_mib'>,
  perGibMs: number,
): number =>
  Math.ceil(
    [server.memory_mib / mibPerGib, ...localGib(server)].reduce(
      (sum, gib) => sum + Math.max(leastGib, gib),
      0,
    ) * perGibMs,
  );

/**
 * Why block migration or its absence does not fit the server's disks; undefined: it fits. Message:
 * nova.exception.InvalidSharedStorage.
 */
export const wrongStorage = (
  server: Pick<Server, 'image_id' | 'flavor' | 'host'>,
  blockMigration: boolean | 'auto',
): string | undefined =>
  blockMigration === false && localGib(server).length > 0
    ? `${server.host ?? ''} is not on shared storage: Shared storage live-migration requires either shared storage or boot-from-volume with no local disks.`
    : undefined;

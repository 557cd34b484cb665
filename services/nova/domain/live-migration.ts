// What a live migration of a server moves and how long it may take. Pure.
import type { FlavorFacts } from '#contracts/nova/facts.ts';
import type { Server } from '../store/servers.ts';
import { flavorOf } from './server-row.ts';

const mibPerGib = 1024;
/** nova.virt.libvirt.driver, _live_migration_data_gb: less than so much counts as so much. */
const leastGib = 2;

/** Disks on its host, which go with it. A config drive is made anew at the destination. */
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
 * Why it cannot move in this way; undefined: it can. Words: nova.exception.InvalidSharedStorage.
 */
export const wrongStorage = (
  server: Pick<Server, 'image_id' | 'flavor' | 'host'>,
  blockMigration: boolean | 'auto',
): string | undefined =>
  blockMigration === false && localGib(server).length > 0
    ? `${server.host ?? ''} is not on shared storage: Shared storage live-migration requires either shared storage or boot-from-volume with no local disks.`
    : undefined;

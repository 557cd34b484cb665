// The columns of a server's row that depend on its flavor, written at creation and at a resize.
// Pure.
import type { FlavorFacts } from '#contracts/nova/facts.ts';
import type { ServerRow } from '../store/tables.ts';

export type ServerSize = Pick<
  ServerRow,
  'flavor' | 'flavor_id' | 'vcpus' | 'memory_mib' | 'disk_gib'
>;

/**
 * The columns for a server of this flavor. `image_id` null: the server boots from a volume and has
 * no root disk on its host.
 */
export const sizeOf = (
  flavor: FlavorFacts,
  { image_id }: Pick<ServerRow, 'image_id'>,
): ServerSize => ({
  flavor: JSON.stringify(flavor),
  flavor_id: flavor.id,
  vcpus: flavor.vcpus,
  memory_mib: flavor.memoryMib,
  disk_gib:
    (image_id === null ? 0 : flavor.diskGib) +
    flavor.ephemeralGib +
    Math.ceil(flavor.swapMib / 1024),
});

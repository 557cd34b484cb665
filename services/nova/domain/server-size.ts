// What a server's row says of its flavor: at its creation, and again when a resize changes it.
// Pure.
import type { FlavorFacts } from '#contracts/nova/facts.ts';
import type { ServerRow } from '../store/tables.ts';

export type ServerSize = Pick<
  ServerRow,
  'flavor' | 'flavor_id' | 'vcpus' | 'memory_mib' | 'disk_gib'
>;

/** `image_id` null: it boots from a volume and has no root disk on its host. */
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

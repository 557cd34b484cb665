// The boot disk of a server that boots from a volume, as simulations request it from Nova.
import type { JsonObject } from '#contracts/common/json.ts';

/**
 * The block device of a boot volume: Nova creates the volume from the image, and deletes it with
 * the server.
 */
export const bootVolume = (imageId: string): JsonObject => ({
  source_type: 'image',
  uuid: imageId,
  destination_type: 'volume',
  volume_size: 1,
  boot_index: 0,
  delete_on_termination: true,
});

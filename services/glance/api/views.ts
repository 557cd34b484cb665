// Images and members as shown in responses. https://docs.openstack.org/api-ref/image/v2/#show-image
import type { JsonObject } from '#contracts/common/json.ts';
import { isoSeconds } from '#platform/clock.ts';
import type { Image } from '../domain/image.ts';
import type { Member } from '../store/members.ts';

export function imageView(image: Image): JsonObject {
  const self = `/v2/images/${image.id}`;
  const hasData = image.status === 'active' || image.status === 'deactivated';
  return {
    ...image.properties,
    name: image.name,
    disk_format: image.diskFormat,
    container_format: image.containerFormat,
    visibility: image.visibility,
    size: image.sizeBytes,
    virtual_size: image.virtualSizeBytes,
    status: image.status,
    checksum: hasData ? image.md5 : null,
    protected: image.isProtected,
    min_ram: image.minRamMib,
    min_disk: image.minDiskGib,
    owner: image.owner,
    os_hidden: image.isHidden,
    os_hash_algo: hasData ? 'sha512' : null,
    os_hash_value: hasData ? image.sha512 : null,
    id: image.id,
    created_at: isoSeconds(image.createdAtMs),
    updated_at: isoSeconds(image.updatedAtMs),
    tags: [...image.tags],
    self,
    file: `${self}/file`,
    schema: '/v2/schemas/image',
    ...(hasData ? { stores: 'fs' } : {}),
  };
}

export function memberView(member: Member): JsonObject {
  return {
    image_id: member.image_id,
    member_id: member.member_id,
    status: member.status,
    created_at: isoSeconds(member.created_at_ms),
    updated_at: isoSeconds(member.updated_at_ms),
    schema: '/v2/schemas/member',
  };
}

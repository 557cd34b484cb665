// Plans a server create: takes the facts that the API gathered, returns the rows to insert or a
// fault. Pure.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { FlavorFacts, ImageFacts } from '#contracts/nova/facts.ts';
import { powerState } from '#contracts/nova/server-states.ts';
import type { ServerRow } from '../store/tables.ts';
import { tagsText } from './server-row.ts';
import { sizeOf } from './server-size.ts';

export interface CreateFacts {
  name: string;
  hostname: string | null;
  description: string | null;
  flavor: FlavorFacts;
  /** null: the server boots from a volume and needs no disk space for a root disk. */
  image: ImageFacts | null;
  /** The image from which the boot volume was created, if any. */
  volumeImage: ImageFacts | null;
  keypair: { name: string; publicKey: string } | null;
  userData: string | null;
  metadata: Record<string, string>;
  tags: readonly string[];
  personality: readonly { path: string; contents: string }[];
  /** Tag of a root disk that is not a volume. */
  rootTag: string | null;
  schedulerHints: JsonObject;
  serverGroupId: string | null;
  configDrive: boolean | null;
  accessIPv4: string | null;
  accessIPv6: string | null;
  zone: string | null;
  diskConfig: 'AUTO' | 'MANUAL';
  adminPass: string;
  minCount: number;
  maxCount: number;
  projectId: string;
  userId: string;
  /**
   * Names of the groups requested, shown until the ports exist; [] for a server without interfaces.
   */
  securityGroups: readonly string[];
  nowMs: number;
  reservationId: string;
  /** One server is created for each id. */
  ids: readonly string[];
}

/**
 * The rows of the servers to create. badRequest: image and flavor do not fit each other. The column
 * `number` is assigned by the store.
 */
export function planServerCreate(facts: CreateFacts): Outcome<Omit<ServerRow, 'number'>[]> {
  const misfit = checkFit(facts.flavor, facts.image);
  if (misfit) return misfit;
  const { flavor, image } = facts;
  const system = image ?? facts.volumeImage;
  const wantsDrive = facts.configDrive ?? system?.properties['img_config_drive'] === 'mandatory';
  return facts.ids.map((id, index) => {
    // Servers of one request get numbered names: compute API reference, create-multiple.
    const name = facts.ids.length > 1 ? `${facts.name}-${index + 1}` : facts.name;
    return {
      id,
      name,
      description: facts.description,
      hostname: facts.hostname ?? hostnameOf(name, id),
      project_id: facts.projectId,
      user_id: facts.userId,
      vm_state: 'building',
      task_state: 'scheduling',
      power_state: powerState.noState,
      host: null,
      node: null,
      image_id: image?.id ?? null,
      image: JSON.stringify(system),
      ...sizeOf(flavor, { image_id: image?.id ?? null }),
      key_name: facts.keypair?.name ?? null,
      key_data: facts.keypair?.publicKey ?? null,
      user_data: facts.userData,
      metadata: JSON.stringify(facts.metadata),
      tags: tagsText(facts.tags),
      config_drive: wantsDrive ? 1 : 0,
      admin_pass: facts.adminPass,
      access_ip_v4: facts.accessIPv4,
      access_ip_v6: facts.accessIPv6,
      availability_zone: facts.zone,
      disk_config: facts.diskConfig,
      personality: JSON.stringify(facts.personality),
      root_tag: facts.rootTag,
      scheduler_hints: JSON.stringify(facts.schedulerHints),
      server_group_id: facts.serverGroupId,
      reserved_host: null,
      shelved_at_ms: null,
      shelved_image_id: null,
      reservation_id: facts.reservationId,
      locked: 0,
      locked_reason: null,
      progress: 0,
      fault: null,
      addresses: '{}',
      security_groups: JSON.stringify(facts.securityGroups),
      launched_at_ms: null,
      terminated_at_ms: null,
      created_at_ms: facts.nowMs,
      updated_at_ms: facts.nowMs,
      deleted_at_ms: null,
    } satisfies Omit<ServerRow, 'number'>;
  });
}

const gib = 1024 ** 3;

export function checkFit(flavor: FlavorFacts, image: ImageFacts | null): Outcome<undefined> {
  if (!image) return undefined;
  if (flavor.memoryMib < image.minMemoryMib)
    return fault(
      'badRequest',
      `Flavor's memory is too small for requested image. It has ${flavor.memoryMib} MiB, the image needs ${image.minMemoryMib} MiB.`,
    );
  if (flavor.diskGib === 0) return undefined; // the root disk has the image's size
  if (image.sizeBytes > flavor.diskGib * gib)
    return fault(
      'badRequest',
      `Flavor's disk is too small for requested image. Flavor disk is ${flavor.diskGib * gib} bytes, image is ${image.sizeBytes} bytes.`,
    );
  if (flavor.diskGib < image.minDiskGib)
    return fault(
      'badRequest',
      `Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is ${flavor.diskGib * gib} bytes, minimum size is ${image.minDiskGib * gib} bytes.`,
    );
  return undefined;
}

/**
 * A host name derived from a display name, as RFC 1123 labels; `Server-<uuid>` if no character is
 * usable.
 */
export function hostnameOf(name: string, id: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/[ _]/g, '-')
    .replace(/[^A-Za-z0-9.-]/g, '')
    .replace(/^[.-]+/, '');
  const label = withoutEnd(withoutEnd(plain).slice(0, 63)).toLowerCase();
  return label === '' ? `Server-${id}` : label;
}

/**
 * Strips dots and hyphens from the end. A loop, because the regular expression `[.-]+$` would take
 * quadratic time.
 */
function withoutEnd(label: string): string {
  let length = label.length;
  while (length > 0 && '.-'.includes(label.charAt(length - 1))) length -= 1;
  return label.slice(0, length);
}

// POST /servers: reads flavor, image, keypair and limits, plans the rows
// (domain/plan-server-create.ts) and inserts them with action log and journal entries in one
// transaction.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { serverLock } from '#contracts/nova/operations.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import type { ApiRequest, Reply } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { NovaDeps } from '../../deps.ts';
import { nextDevice } from '../../domain/device-names.ts';
import { ownDisks } from '../../domain/guest-spec.ts';
import { planServerCreate } from '../../domain/plan-server-create.ts';
import { checkQuota, howManyFit, unlimited } from '../../domain/quota.ts';
import { checkHints } from '../../domain/scheduler-hints.ts';
import { shortIpv6 } from '../../domain/short-ipv6.ts';
import { enqueueOperation } from '../../operations.ts';
import { conductorClient } from '../../rpc-clients.ts';
import { insertAction } from '../../store/actions.ts';
import { findFlavor, flavorFacts } from '../../store/flavors.ts';
import { computeBinary, listServices, zonesByHost } from '../../store/hosts.ts';
import { findKeypair } from '../../store/keypairs.ts';
import { insertNics } from '../../store/nics.ts';
import { lockQuota, quotaLimits, quotaUsage } from '../../store/quotas.ts';
import { findServerGroup, joinGroup } from '../../store/server-groups.ts';
import type { NovaDb } from '../../store/servers.ts';
import { insertServers, takeNumbers } from '../../store/servers.ts';
import type { NicRow, ServerGroupRow, ServerRow, VolumeRow } from '../../store/tables.ts';
import { insertServerVolumes } from '../../store/volumes.ts';
import { fetchImageFacts } from '../image-facts.ts';
import { isAdmin } from '../request.ts';
import { serverLinks } from '../views/server.ts';
import type { CreateServerBody } from './create-schema.ts';
import { hintsOf } from './create-schema.ts';
import { createPendingResources } from './pending-resources.ts';
import type { WantedNetworks } from './wanted-networks.ts';
import { wantedNetworks } from './wanted-networks.ts';
import type { CreatedVolume } from './wanted-volumes.ts';
import type { WantedDisks } from './wanted-volumes.ts';
import { checkDisks, devicesOfImage, makeVolumes, readDevices } from './wanted-volumes.ts';

type CreateRequest = ApiRequest<CreateServerBody>;
type Body = CreateServerBody['server'];

export async function createServers(
  deps: NovaDeps,
  request: CreateRequest,
): Promise<Outcome<Reply>> {
  const { db } = deps.database;
  const { clock, ids } = deps;
  const { auth, id: requestId } = request;
  const body = request.body.server;
  const projectId = auth.projectId;
  if (projectId === null)
    return fault('forbidden', 'A server belongs to a project: the token must be scoped to one.');
  const counts = countsOf(body);
  if (isFault(counts)) return counts;
  const place = await placementWish(deps, request, body);
  if (isFault(place)) return place;

  const flavor = await findFlavor(db, String(body.flavorRef), {
    projectId,
    admin: isAdmin(request),
  });
  if (!flavor) return fault('badRequest', `Flavor ${body.flavorRef} could not be found.`);
  const disks = readDevices(body, flavorFacts(flavor));
  if (isFault(disks)) return disks;
  const refusal =
    refuseByVersion(request) ??
    (counts.max > 1 && disks.volumes.some(({ source }) => source === 'volume')
      ? fault('badRequest', 'Cannot attach one or more volumes to multiple instances')
      : undefined);
  if (refusal) return refusal;
  const imageFacts =
    disks.imageId === null
      ? null
      : await fetchImageFacts(deps, disks.imageId, { token: auth.token, requestId });
  if (isFault(imageFacts)) return imageFacts;
  const inImage = imageFacts === null ? [] : devicesOfImage(imageFacts);
  if (isFault(inImage)) return inImage;
  disks.volumes.unshift(...inImage);
  const image = inImage.some(({ isRoot }) => isRoot) ? null : imageFacts;
  const volumeImage = await checkDisks(deps, request, disks, flavorFacts(flavor));
  if (isFault(volumeImage)) return volumeImage;
  const keypair = body.key_name == null ? null : await findKeypair(db, auth.userId, body.key_name);
  if (keypair === undefined) return fault('badRequest', 'Invalid key_name provided.');
  const limits = await quotaLimits(db, projectId, auth.userId);
  const tooMuch = checkItems(body, limits);
  if (tooMuch) return tooMuch;

  const wanted = await networksOf(deps, request, body, { projectId, counts });
  if (isFault(wanted)) return wanted;
  const groups =
    wanted.nics.length === 0
      ? []
      : wanted.securityGroups.length === 0
        ? ['default']
        : wanted.securityGroups.map(({ name }) => name);

  const hints = hintsOf(request.body);
  const group = checkHints(hints) ?? (await hintedGroup(deps, projectId, hints));
  if (isFault(group)) return group;

  const nowMs = clock.now();
  const adminPass = body.adminPass ?? ids.bytes(9).toString('base64url');
  const reservationId = `r-${ids.bytes(6).toString('hex').slice(0, 8)}`;
  const plan = (count: number) =>
    planServerCreate({
      name: body.name,
      hostname: body.hostname ?? null,
      description: body.description ?? (request.version < 19 ? body.name : null),
      flavor: flavorFacts(flavor),
      image,
      volumeImage,
      keypair: keypair && { name: keypair.name, publicKey: keypair.public_key },
      userData: body.user_data ?? null,
      metadata: body.metadata ?? {},
      tags: body.tags ?? [],
      personality: body.personality ?? [],
      rootTag: disks.rootTag,
      schedulerHints: hints,
      serverGroupId: group?.id ?? null,
      configDrive:
        body.config_drive == null ? null : (booleanOf(String(body.config_drive)) ?? false),
      accessIPv4: body.accessIPv4 ?? null,
      accessIPv6: shortIpv6(body.accessIPv6 ?? null),
      zone: place.zone,
      diskConfig: body['OS-DCF:diskConfig'] ?? 'MANUAL',
      adminPass,
      securityGroups: groups,
      minCount: counts.min,
      maxCount: count,
      projectId,
      userId: auth.userId,
      nowMs,
      reservationId,
      ids: Array.from({ length: count }, () => ids.uuid()),
    });
  const misfit = plan(1);
  if (isFault(misfit)) return misfit;

  const created = await withVolumes(
    deps,
    request,
    disks,
    counts.max,
    async (trx, createdVolumes) => {
      await lockQuota(trx, projectId, nowMs);
      const used = await quotaUsage(trx, projectId);
      // As many servers as the quota allows, at least min_count.
      const fitting = howManyFit(limits, used, {
        instances: 1,
        cores: flavor.vcpus,
        ram: flavor.memory_mib,
      });
      const count = Math.max(counts.min, Math.min(counts.max, fitting, wanted.servers));
      const over = checkQuota(limits, used, {
        instances: count,
        cores: count * flavor.vcpus,
        ram: count * flavor.memory_mib,
      });
      if (over) return over;
      const rows = plan(count);
      if (isFault(rows)) return rows;
      const join =
        group &&
        (await joinGroup(trx, group.id, {
          userId: auth.userId,
          servers: rows.length,
          limit: limits.server_group_members,
        }));
      if (join === 'gone') return missingGroup(group?.id ?? '');
      if (join === 'full') return fault('overQuota', 'Quota exceeded, too many servers in group');
      const numbers = await takeNumbers(trx, 'servers', rows.length);
      const servers = rows.map((row, index) => ({ ...row, number: numbers[index] ?? 0 }));
      await insertServers(trx, servers);
      for (const { id } of servers) await insertNics(trx, nicRows(id, wanted));
      for (const [index, server] of servers.entries())
        await insertServerVolumes(trx, volumeRows(deps, server, createdVolumes(index), nowMs));
      for (const [index, server] of servers.entries()) {
        const actionId = ids.uuid();
        await insertAction(
          trx,
          {
            id: actionId,
            serverId: server.id,
            action: 'create',
            requestId,
            projectId,
            userId: auth.userId,
          },
          nowMs,
        );
        const input = {
          serverId: server.id,
          actionId,
          forcedHost: place.host,
          zone: place.zone,
          excludedHosts: [],
          ...(servers.length > 1 && {
            batch: { id: reservationId, size: servers.length, index },
          }),
        };
        await enqueueOperation(deps, trx, {
          name: 'nova.build-server',
          lockKey: serverLock(server.id),
          input,
          requestId,
        });
      }
      return servers;
    },
  );
  if (isFault(created)) return created;
  await conductorClient(deps).cast('wakeSagas', {}, { requestId });

  if (body.return_reservation_id !== undefined && booleanOf(String(body.return_reservation_id)))
    return { status: 202, body: { reservation_id: reservationId } };
  const id = created[0]?.id ?? '';
  return {
    status: 202,
    headers: { location: `${request.baseUrl}/v2.1/servers/${id}` },
    body: {
      server: {
        id,
        links: serverLinks(id, request.baseUrl),
        'OS-DCF:diskConfig': body['OS-DCF:diskConfig'] ?? 'MANUAL',
        security_groups: (body.security_groups ?? [{ name: 'default' }]).map(({ name }) => ({
          name,
        })),
        adminPass,
      },
    },
  };
}

/**
 * Creates each server's new volumes with the caller's token. Volumes of servers that are not
 * inserted are removed again, even if this process dies: see pending-resources.ts.
 */
async function withVolumes(
  deps: NovaDeps,
  request: CreateRequest,
  disks: WantedDisks,
  servers: number,
  insert: (
    trx: NovaDb,
    createdVolumes: (index: number) => readonly CreatedVolume[],
  ) => Promise<Outcome<ServerRow[]>>,
): Promise<Outcome<ServerRow[]>> {
  const createdVolumes: CreatedVolume[][] = [];
  const pending = disks.volumes.some(({ source }) => source !== 'volume')
    ? await createPendingResources(deps, request, { parts: servers })
    : undefined;
  try {
    for (let at = 0; at < (disks.volumes.length === 0 ? 0 : servers); at += 1) {
      const volumes = await makeVolumes(deps, request, disks, pending?.key(at) ?? {});
      if (isFault(volumes)) return volumes;
      createdVolumes.push(volumes);
    }
    return await transaction(deps.database.db, async (trx) => {
      const rows = await insert(trx, (index) => createdVolumes[index] ?? []);
      if (isFault(rows) || !pending) return rows;
      if (!(await pending.commit(trx, rows.length)))
        throw new Error('the volumes of a new server were removed under it');
      return rows;
    });
  } finally {
    await pending?.end();
  }
}

/**
 * Upper bound also for projects with unlimited quota: all rows of one request are inserted in one
 * transaction.
 */
const maxServersPerRequest = 1000;

function countsOf(body: Body): Outcome<{ min: number; max: number }> {
  const min = Number(body.min_count ?? 1);
  const max = Number(body.max_count ?? body.min_count ?? 1);
  if (min > max) return fault('badRequest', 'min_count must be <= max_count');
  if (min > maxServersPerRequest)
    return fault(
      'badRequest',
      `Invalid input for field/attribute min_count. Value: ${min}. One request makes at most ${maxServersPerRequest} servers.`,
    );
  return { min, max: Math.min(max, maxServersPerRequest) };
}

/** badRequest: a block device has a member that a later microversion introduced. */
function refuseByVersion({ version, body: { server } }: CreateRequest): Outcome<undefined> {
  const devices = server.block_device_mapping_v2 ?? [];
  const knowsTags = version >= 42 || version === 32;
  if (!knowsTags && devices.some(({ tag }) => tag !== undefined))
    return fault(
      'badRequest',
      "Additional properties are not allowed ('tag' was unexpected) in block_device_mapping_v2.",
    );
  if (version < 67 && devices.some((device) => 'volume_type' in device))
    return fault(
      'badRequest',
      "Additional properties are not allowed ('volume_type' was unexpected) in block_device_mapping_v2.",
    );
  return undefined;
}

/**
 * The networks, ports and security groups of the new servers, as far as Neutron allows them to the
 * caller.
 */
async function networksOf(
  deps: NovaDeps,
  request: CreateRequest,
  body: Body,
  { projectId, counts: { min, max } }: { projectId: string; counts: { min: number; max: number } },
): Promise<Outcome<WantedNetworks>> {
  const networks = body.networks ?? 'whatever';
  const rows = typeof networks === 'string' ? [] : networks;
  if (
    rows.some(({ tag }) => tag !== undefined) &&
    !(request.version >= 42 || (request.version >= 32 && request.version <= 36))
  )
    return fault(
      'badRequest',
      "Additional properties are not allowed ('tag' was unexpected) in networks.",
    );
  if (max > 1 && rows.some(({ port }) => port))
    return fault(
      'badRequest',
      'Failed to launch multiple servers: a port can be given to one server only.',
    );
  if (max > 1 && rows.some(({ fixed_ip: address }) => address !== undefined))
    return fault(
      'badRequest',
      'Failed to launch multiple servers: a fixed IP address can be given to one server only.',
    );
  const names = (body.security_groups ?? []).map(({ name }) => name);
  // Neutron itself gives ports the default group, and creates that group at its first use; so
  // `default` alone is not looked up, as it may not exist yet.
  return await wantedNetworks(
    deps,
    request,
    networks,
    names.every((name) => name === 'default') ? [] : names,
    { projectId, min },
  );
}

const nicRows = (serverId: string, { nics, securityGroups }: WantedNetworks): NicRow[] =>
  nics.map((nic, seq) => ({
    server_id: serverId,
    seq,
    network_id: nic.networkId,
    port_id: nic.portId,
    given: nic.portId === null ? 0 : 1,
    fixed_ip: nic.fixedIp,
    tag: nic.tag,
    security_groups: JSON.stringify(securityGroups.map(({ id }) => id)),
    info: null,
  }));

/** Rows of the server's volumes in the order of the request, the boot volume first. */
function volumeRows(
  deps: NovaDeps,
  server: ServerRow,
  createdVolumes: readonly CreatedVolume[],
  nowMs: number,
): VolumeRow[] {
  const rows: VolumeRow[] = [];
  for (const { volumeId, wanted } of createdVolumes) {
    const device = nextDevice(
      ownDisks(server),
      rows.map((row) => row.device),
      wanted.bus,
    );
    // Cannot happen: the schema limits the number of disks.
    if (device === undefined) throw new Error(`server ${server.id} has no name left for a disk`);
    rows.push({
      id: deps.ids.uuid(),
      server_id: server.id,
      volume_id: volumeId,
      device,
      bus: wanted.bus,
      boot_index: wanted.isRoot ? 0 : null,
      tag: wanted.tag,
      delete_on_termination: wanted.deleteOnTermination ? 1 : 0,
      attachment_id: null,
      host: null,
      connection: null,
      created_at_ms: nowMs,
    });
  }
  return rows;
}

/**
 * The server group that the hint names; undefined: no hint. badRequest: the project has no such
 * group.
 */
async function hintedGroup(
  deps: NovaDeps,
  projectId: string,
  { group: id }: JsonObject,
): Promise<Outcome<ServerGroupRow | undefined>> {
  if (typeof id !== 'string') return undefined;
  return (await findServerGroup(deps.database.db, id, projectId)) ?? missingGroup(id);
}

const missingGroup = (id: string): Fault =>
  fault('badRequest', `Instance group ${id} could not be found.`);

function checkItems(
  body: Body,
  limits: { metadata_items: number; injected_files: number; injected_file_content_bytes: number },
): Outcome<undefined> {
  const over = (limit: number, count: number): boolean => limit !== unlimited && count > limit;
  if (over(limits.metadata_items, Object.keys(body.metadata ?? {}).length))
    return fault('overQuota', `Maximum number of metadata items exceeds ${limits.metadata_items}`);
  if (over(limits.injected_files, body.personality?.length ?? 0))
    return fault(
      'overQuota',
      `Personality file limit exceeded: ${limits.injected_files} are allowed.`,
    );
  if (
    body.personality?.some(({ contents }) =>
      over(limits.injected_file_content_bytes, Buffer.from(contents, 'base64').length),
    )
  )
    return fault('overQuota', 'Personality file content too long.');
  return undefined;
}

/**
 * The zone and host that the caller asks for (`zone`, or for administrators `zone:host` or a host).
 * badRequest: no such zone or host.
 */
async function placementWish(
  deps: NovaDeps,
  request: CreateRequest,
  body: Body,
): Promise<Outcome<{ zone: string | null; host: string | null }>> {
  const [zone, ...rest] = (body.availability_zone ?? '').split(':');
  const host = body.host ?? body.hypervisor_hostname ?? (rest.find((part) => part !== '') || null);
  if (host !== null && !request.allows('os_compute_api:servers:create:forced_host'))
    return fault(
      'forbidden',
      "Policy doesn't allow os_compute_api:servers:create:forced_host to be performed.",
    );
  const services = await listServices(deps.database.db, { binary: computeBinary });
  if (host !== null && !services.some((service) => service.host === host))
    return fault('badRequest', `Compute host ${host} could not be found.`);
  if (!zone) return { zone: null, host };
  const zones = await zonesByHost(deps.database.db);
  const isZone =
    services.some((service) => (zones.get(service.host) ?? deps.config.defaultZone) === zone) ||
    zone === deps.config.defaultZone;
  return isZone
    ? { zone, host }
    : fault('badRequest', `The requested availability zone is not available: ${zone}`);
}

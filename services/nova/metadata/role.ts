// The role nova-metadata: serves the metadata that guests read at 169.254.169.254. Neutron's agents
// forward the guests' requests and sign the guest's id.
// https://docs.openstack.org/neutron/latest/configuration/metadata-agent.html; headers:
// nova.api.metadata.handler
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ApiRequest, HttpFace, Reply } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { Role } from '#openstack/role.ts';
import type { Secret } from '#platform/log.ts';
import type { NovaDeps } from '../deps.ts';
import { hasTags } from '../domain/config-drive.ts';
import type { MetadataNode } from '../domain/metadata-tree.ts';
import { metadataTree, readMetadata } from '../domain/metadata-tree.ts';
import { agentOn } from '../rpc-clients.ts';
import { zonesByHost } from '../store/hosts.ts';
import { connectedNics } from '../store/nics.ts';
import { findServer } from '../store/servers.ts';
import { connectedVolumes } from '../store/volumes.ts';

// A guest's metadata is cached, because cloud-init reads some twenty paths in a row.
const keptMs = 5_000;
const maxKept = 1_000;
// A guest's request times out after some seconds, so it must not wait for an unreachable host.
const addressesMs = 2_000;

export function createNovaMetadata(deps: NovaDeps): Role {
  const { db } = deps.database;
  const { clock, config } = deps;
  const cache = new Map<string, { tree: MetadataNode; projectId: string; untilMs: number }>();

  async function treeOf(serverId: string, projectId: string): Promise<MetadataNode | undefined> {
    const cached = cache.get(serverId);
    if (cached && cached.untilMs > clock.now())
      return cached.projectId === projectId ? cached.tree : undefined;
    const server = await findServer(db, serverId, projectId);
    if (!server) return undefined;
    const zone = server.host === null ? undefined : (await zonesByHost(db)).get(server.host);
    const facts = {
      zone: zone ?? server.availability_zone ?? config.defaultZone,
      nics: await connectedNics(db, server.id),
      volumes: await connectedVolumes(db, server.id),
    };
    const addresses =
      server.host !== null && hasTags(server, facts)
        ? await addressesOf(server.host, server.id)
        : {};
    const tree = metadataTree(server, { ...facts, addresses });
    if (cache.size >= maxKept) cache.clear();
    cache.set(serverId, { tree, projectId, untilMs: clock.now() + keptMs });
    return tree;
  }

  /** {} if the host does not answer: the guest can still identify its devices by MAC or serial. */
  async function addressesOf(host: string, uuid: string): Promise<Record<string, string>> {
    const reply = await agentOn(deps, host).call(
      'pciAddresses',
      { uuid },
      { timeoutMs: addressesMs, requestId: deps.ids.requestId() },
    );
    return isFault(reply) ? {} : reply.addresses;
  }

  async function answer(request: ApiRequest): Promise<Outcome<Reply>> {
    const who = callerOf(request, config.metadataSecret);
    if (isFault(who)) return who;
    const tree = await treeOf(who.serverId, who.projectId);
    const content = tree && readMetadata(tree, request.path);
    return content
      ? {
          status: 200,
          headers: {
            'content-type': content.json ? 'application/json' : 'text/plain; charset=UTF-8',
          },
          body: content.text,
        }
      : fault('notFound', 'Not Found');
  }

  const open = {
    auth: 'none',
    unversioned: true,
    policy: null,
    faults: ['notFound'],
    handler: answer,
  } as const;
  const face: HttpFace = {
    name: 'nova-metadata',
    serviceType: 'metadata',
    mount: '/metadata',
    policies: {},
    routes: [route('GET', '/', open), route('GET', '/*', open)],
    faultStyle: {
      contentType: 'text/plain; charset=UTF-8',
      body: (status, { message }) => `${status} ${message}`,
    },
  };
  return { name: 'nova-metadata', http: [face], rpc: [], tasks: [], sagas: [] };
}

/**
 * The server and project that the proxy asks for. badRequest: the headers are missing; forbidden:
 * the signature is invalid.
 */
function callerOf(
  request: ApiRequest,
  secret: Secret | null,
): Outcome<{ serverId: string; projectId: string }> {
  const [serverId, projectId, signature] = [
    'x-instance-id',
    'x-tenant-id',
    'x-instance-id-signature',
  ].map((name) => request.header(name));
  if (!serverId || !projectId)
    return fault('badRequest', 'X-Instance-ID and X-Tenant-ID are missing from the request.');
  const right = secret && createHmac('sha256', secret.reveal()).update(serverId).digest();
  const sentDigest = Buffer.from(signature ?? '', 'hex');
  if (!right || sentDigest.length !== right.length || !timingSafeEqual(sentDigest, right))
    return fault('forbidden', 'Invalid proxy request signature.');
  return { serverId, projectId };
}

// A server's interfaces: list, show, attach, detach.
// https://docs.openstack.org/api-ref/compute/#port-interfaces-servers-os-interface
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Port } from '#contracts/neutron/wire.ts';
import { neutronClient } from '#openstack/clients/neutron.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { eventsOf } from '../store/actions.ts';
import { findNic, nicsOf } from '../store/nics.ts';
import type { Server } from '../store/servers.ts';
import { callerOf, ofServer } from './request.ts';
import { serverPorts } from './server-ports.ts';
import { beginInterfaceChange } from './servers/begin.ts';
import { tagSchema } from './servers/create-schema.ts';
import { wantedNetworks } from './servers/wanted-networks.ts';

interface AttachBody {
  interfaceAttachment?: {
    net_id?: string;
    port_id?: string;
    fixed_ips?: { ip_address: string }[];
    tag?: string;
  };
}

const attachment = (withTag: boolean) =>
  Type.Object(
    {
      interfaceAttachment: Type.Optional(
        Type.Object(
          {
            net_id: Type.Optional(Type.String({ format: 'uuid' })),
            port_id: Type.Optional(Type.String({ format: 'uuid' })),
            fixed_ips: Type.Optional(
              Type.Array(
                Type.Object(
                  {
                    ip_address: Type.Union([
                      Type.String({ format: 'ipv4' }),
                      Type.String({ format: 'ipv6' }),
                    ]),
                  },
                  { additionalProperties: false },
                ),
                { minItems: 1, maxItems: 1 },
              ),
            ),
            ...(withTag ? { tag: Type.Optional(tagSchema) } : {}),
          },
          { additionalProperties: false },
        ),
      ),
    },
    { additionalProperties: false },
  );

type Request = ApiRequest<unknown>;

const tagsSince = 49;
const tagsShownSince = 70;
const path = '/v2.1/servers/:id/os-interface';
const policy = (name: string): string => `os_compute_api:os-attach-interfaces:${name}`;
const faults = ['notFound'] as const;
// The answer waits until the interface is attached, as in stock Nova, at most this long.
const attachWithinMs = 55_000;

export function interfaceRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;

  async function portsOf(request: Request, server: Server): Promise<Outcome<Port[]>> {
    const neutron = neutronClient(deps, { token: null, requestId: request.id });
    return await serverPorts(deps, neutron, server.id);
  }

  /** Wraps `work` in a handler that passes it the server and the server's Neutron ports. */
  const ofPorts = (
    work: (request: Request, server: Server, ports: Port[]) => Promise<Outcome<Reply>>,
  ) =>
    ofServer(deps, async (request: Request, server) => {
      const ports = await portsOf(request, server);
      return isFault(ports) ? ports : await work(request, server, ports);
    });

  async function view(request: Request, server: Server, port: Port): Promise<JsonObject> {
    const document: JsonObject = {
      net_id: port.network_id,
      port_id: port.id,
      mac_addr: port.mac_address,
      port_state: port.status,
      fixed_ips: port.fixed_ips.map(({ subnet_id, ip_address }) => ({ subnet_id, ip_address })),
    };
    if (request.version >= tagsShownSince)
      document['tag'] = (await findNic(db, server.id, port.id))?.tag ?? null;
    return document;
  }

  return [
    route('GET', path, {
      policy: policy('list'),
      faults,
      handler: ofPorts(async (request, server, ports) => {
        const views = await Promise.all(
          ports.map(async (port) => await view(request, server, port)),
        );
        return { status: 200, body: { interfaceAttachments: views } };
      }),
    }),
    route('GET', `${path}/:port`, {
      policy: policy('show'),
      faults,
      handler: ofPorts(async (request, server, ports) => {
        const id = request.params['port'] ?? '';
        const port = ports.find((each) => each.id === id);
        return port
          ? { status: 200, body: { interfaceAttachment: await view(request, server, port) } }
          : fault('notFound', `Instance ${server.id} does not have a port with id ${id}`);
      }),
    }),
    route<AttachBody | null>('POST', path, {
      policy: policy('create'),
      faults: [...faults, 'conflict', 'overQuota', 'timeout'],
      body: [
        { from: 0, schema: Type.Union([attachment(false), Type.Null()]) },
        { from: tagsSince, schema: Type.Union([attachment(true), Type.Null()]) },
      ],
      handler: ofServer(deps, async (request, server) => {
        const requestedInterface = request.body?.interfaceAttachment ?? {};
        if (requestedInterface.net_id !== undefined && requestedInterface.port_id !== undefined)
          return fault('badRequest', 'Must not input both network_id and port_id');
        if (requestedInterface.fixed_ips && requestedInterface.net_id === undefined)
          return fault('badRequest', 'Must input network_id when request IP address');
        const address = requestedInterface.fixed_ips?.[0]?.ip_address;
        const missing = await missingPort(request, requestedInterface.port_id);
        if (missing) return missing;
        const row = {
          uuid: requestedInterface.net_id,
          port: requestedInterface.port_id,
          fixed_ip: address,
          tag: requestedInterface.tag,
        };
        const wanted = await wantedNetworks(deps, request, [row], [], {
          projectId: server.project_id,
          min: 1,
        });
        if (isFault(wanted)) return wanted;
        const [nic] = wanted.nics;
        if (!nic) return fault('badRequest', 'There is no network to attach.');
        const begun = await beginInterfaceChange(deps, request, server, {
          server_id: server.id,
          network_id: nic.networkId,
          port_id: nic.portId,
          given: nic.portId === null ? 0 : 1,
          fixed_ip: nic.fixedIp,
          tag: nic.tag,
          security_groups: '[]',
          info: null,
        });
        if (isFault(begun)) return begun;
        return await attached(request, server, begun);
      }),
    }),
    route('DELETE', `${path}/:port`, {
      policy: policy('delete'),
      faults: [...faults, 'conflict'],
      handler: ofServer(deps, async (request, server) => {
        const id = request.params['port'] ?? '';
        const nic = await findNic(db, server.id, id);
        if (!nic) return fault('notFound', `Port id ${id} could not be found.`);
        const begun = await beginInterfaceChange(deps, request, server, nic.seq);
        return isFault(begun) ? begun : { status: 202 };
      }),
    }),
  ];

  /**
   * Checks that the named port exists. notFound: it does not. (In a server create request this is a
   * badRequest.)
   */
  async function missingPort(
    request: Request,
    id: string | undefined,
  ): Promise<Outcome<undefined>> {
    if (id === undefined) return undefined;
    const port = await neutronClient(deps, callerOf(request)).find('ports', id);
    return isFault(port)
      ? port
      : port
        ? undefined
        : fault('notFound', `Port id ${id} could not be found.`);
  }

  /** Waits for the saga to end and returns the new interface, or the reason of the failure. */
  async function attached(
    request: Request,
    server: Server,
    { sagaId, actionId, seq }: { sagaId: string; actionId: string; seq: number },
  ) {
    if (!(await deps.sagas.ended(sagaId, attachWithinMs)))
      return fault('timeout', 'The interface is not attached yet; it may still come.');
    const nic = (await nicsOf(db, server.id)).find((each) => each.seq === seq);
    const ports = nic ? await portsOf(request, server) : [];
    if (isFault(ports)) return ports;
    const port = ports.find((each) => each.id === nic?.port_id);
    if (port)
      return { status: 200, body: { interfaceAttachment: await view(request, server, port) } };
    const why = (await eventsOf(db, actionId)).find((event) => event.result === 'Error')?.details;
    return fault('badRequest', why ?? 'Failed to attach network adapter device.');
  }
}

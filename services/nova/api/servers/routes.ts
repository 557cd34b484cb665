// Routes of /servers: create, list, show, update, delete, and the mount of server actions.
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../../deps.ts';
import { shortIpv6 } from '../../domain/short-ipv6.ts';
import { agentOn } from '../../rpc-clients.ts';
import { connectedNics } from '../../store/nics.ts';
import { changeServer, findServer } from '../../store/servers.ts';
import type { ServerChange } from '../../store/servers.ts';
import { ofServer, requestedServer } from '../request.ts';
import { grantConsole } from '../server-actions/console.ts';
import { actionRoute } from '../server-actions/route.ts';
import { viewContext } from '../views/context.ts';
import { diagnosticsView } from '../views/diagnostics.ts';
import { serverView } from '../views/server.ts';
import { beginDeletion } from './begin.ts';
import type { CreateServerBody } from './create-schema.ts';
import {
  accessV4Schema,
  accessV6Schema,
  createServerBody,
  descriptionSchema,
  diskConfigSchema,
  fqdnSchema,
  hostnameSchema,
  nameSchema,
} from './create-schema.ts';
import { createServers } from './create.ts';
import { listServersHandler } from './list.ts';

const api = (name: string): string => `os_compute_api:${name}`;

interface UpdateBody {
  server: {
    name?: string;
    accessIPv4?: string | null;
    accessIPv6?: string | null;
    'OS-DCF:diskConfig'?: 'AUTO' | 'MANUAL';
    description?: string | null;
    hostname?: string;
  };
}

const updateFields = {
  name: Type.Optional(nameSchema),
  accessIPv4: Type.Optional(accessV4Schema),
  accessIPv6: Type.Optional(accessV6Schema),
  'OS-DCF:diskConfig': Type.Optional(diskConfigSchema),
};
const described = { ...updateFields, description: Type.Optional(descriptionSchema) };
const update = (fields: Record<string, ReturnType<typeof Type.Optional>>) =>
  Type.Object(
    { server: Type.Object(fields, { additionalProperties: false }) },
    { additionalProperties: false },
  );
const updateBody = [
  { from: 0, schema: update(updateFields) },
  { from: 19, schema: update(described) },
  { from: 90, schema: update({ ...described, hostname: Type.Optional(hostnameSchema) }) },
  { from: 94, schema: update({ ...described, hostname: Type.Optional(fqdnSchema) }) },
];

const consoleTypes = {
  vnc: ['novnc'],
  spice: ['spice-html5'],
  rdp: ['rdp-html5'],
  serial: ['serial'],
  mks: ['webmks'],
} as const;
const remoteConsoleBody = Type.Object(
  {
    remote_console: Type.Object(
      {
        protocol: Type.Union(Object.keys(consoleTypes).map((protocol) => Type.Literal(protocol))),
        type: Type.String(),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);

export function serverRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;
  const { clock } = deps;
  return [
    route<CreateServerBody>('POST', '/v2.1/servers', {
      policy: api('servers:create'),
      body: createServerBody,
      maxBodyBytes: 256 * 1024,
      faults: ['overQuota', 'conflict'],
      handler: async (request) => await createServers(deps, request),
    }),
    route('GET', '/v2.1/servers', {
      policy: api('servers:index'),
      handler: async (request) => await listServersHandler(deps, request, false),
    }),
    route('GET', '/v2.1/servers/detail', {
      policy: api('servers:detail'),
      handler: async (request) => await listServersHandler(deps, request, true),
    }),
    route('GET', '/v2.1/servers/:id', {
      policy: api('servers:show'),
      faults: ['notFound'],
      handler: ofServer(deps, async (request, server) => ({
        status: 200,
        body: { server: serverView(server, await viewContext(deps, request, [server])) },
      })),
    }),
    route<UpdateBody>('PUT', '/v2.1/servers/:id', {
      policy: api('servers:update'),
      body: updateBody,
      faults: ['notFound', 'conflict'],
      handler: ofServer(deps, async (request, server) => {
        const {
          name,
          accessIPv4,
          accessIPv6,
          description,
          hostname,
          'OS-DCF:diskConfig': diskConfig,
        } = request.body.server;
        const change: ServerChange = {};
        if (name !== undefined) change.name = name;
        if (accessIPv4 !== undefined) change.access_ip_v4 = accessIPv4;
        if (accessIPv6 !== undefined) change.access_ip_v6 = shortIpv6(accessIPv6);
        if (description !== undefined) change.description = description;
        if (hostname !== undefined) change.hostname = hostname;
        if (diskConfig !== undefined) change.disk_config = diskConfig;
        await changeServer(db, server.id, change, clock.now());
        const now = (await findServer(db, server.id, null)) ?? server;
        return {
          status: 200,
          body: {
            server: serverView(now, await viewContext(deps, request, [now]), 'change'),
          },
        };
      }),
    }),
    route('DELETE', '/v2.1/servers/:id', {
      policy: api('servers:delete'),
      faults: ['notFound', 'conflict'],
      handler: ofServer(deps, async (request, server) => {
        return (await beginDeletion(deps, request, server)) ?? { status: 204 };
      }),
    }),
    actionRoute(deps),
    route<{ remote_console: { protocol: keyof typeof consoleTypes; type: string } }>(
      'POST',
      '/v2.1/servers/:id/remote-consoles',
      {
        since: 6,
        policy: api('os-remote-consoles'),
        body: remoteConsoleBody,
        faults: ['notFound', 'conflict'],
        handler: async (request) => {
          const { protocol, type } = request.body.remote_console;
          const server = await requestedServer(deps, request);
          if (isFault(server)) return server;
          if (protocol !== 'vnc' || type !== 'novnc')
            return fault(
              'badRequest',
              `Unavailable console type ${type} for protocol ${protocol}. This cloud has novnc over vnc.`,
            );
          const access = await grantConsole(deps, request, server);
          return isFault(access)
            ? access
            : { status: 200, body: { remote_console: { protocol, type, url: access.url } } };
        },
      },
    ),
    route('GET', '/v2.1/servers/:id/diagnostics', {
      policy: api('os-server-diagnostics'),
      faults: ['notFound', 'conflict'],
      handler: ofServer(deps, async (request, server) => {
        if (server.host === null) return fault('conflict', `Instance ${server.id} is not ready`);
        const read = await agentOn(deps, server.host).call(
          'diagnostics',
          { uuid: server.id },
          { timeoutMs: 15_000, requestId: request.id },
        );
        if (isFault(read))
          return read.kind === 'notFound'
            ? fault('conflict', `Instance ${server.id} is not ready`)
            : read;
        const macs = (await connectedNics(deps.database.db, server.id)).map(({ info }) => info.mac);
        return {
          status: 200,
          body: diagnosticsView(read.diagnostics, server, macs, request.version),
        };
      }),
    }),
    route('GET', '/v2.1/servers/:id/os-server-password', {
      policy: api('os-server-password:show'),
      faults: ['notFound'],
      handler: ofServer(deps, () => ({ status: 200, body: { password: '' } })),
    }),
    route('DELETE', '/v2.1/servers/:id/os-server-password', {
      // No-op: a guest posts its password to the metadata service, which this cloud does not
      // support, so there is never a password to clear.
      policy: api('os-server-password:clear'),
      faults: ['notFound'],
      handler: ofServer(deps, () => ({ status: 204 })),
    }),
  ];
}

// External events: Neutron reports changes of a server's ports, Cinder of its volumes.
// https://docs.openstack.org/api-ref/compute/#create-external-events-os-server-external-events
import Type from 'typebox';
import { fault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { networkEvents } from '#contracts/nova/conductor-rpc.ts';
import type { NetworkEvent } from '#contracts/nova/conductor-rpc.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { conductorClient } from '../rpc-clients.ts';
import { hostsOfServers } from '../store/servers.ts';

interface Event {
  name: string;
  server_uuid: string;
  status?: 'failed' | 'completed' | 'in-progress';
  tag?: string;
}

/**
 * Event names, with the microversion that introduced them. Events that need no action in this cloud
 * (power-update, say) are accepted and ignored.
 */
const names: readonly { since: number; names: readonly string[] }[] = [
  { since: 0, names: networkEvents },
  { since: 51, names: ['volume-extended'] },
  { since: 76, names: ['power-update'] },
  { since: 82, names: ['accelerator-request-bound'] },
  { since: 93, names: ['volume-reimaged'] },
];

const bodyAt = (version: number) =>
  Type.Object(
    {
      events: Type.Array(
        Type.Object(
          {
            name: Type.Union(
              names
                .filter(({ since }) => since <= version)
                .flatMap((row) => row.names)
                .map((name) => Type.Literal(name)),
            ),
            server_uuid: Type.String({ format: 'uuid' }),
            status: Type.Optional(
              Type.Union([
                Type.Literal('failed'),
                Type.Literal('completed'),
                Type.Literal('in-progress'),
              ]),
            ),
            tag: Type.Optional(Type.String({ maxLength: 255 })),
          },
          { additionalProperties: false },
        ),
        { minItems: 1, maxItems: 10_000 },
      ),
    },
    { additionalProperties: false },
  );

const isNetworkEvent = (name: string): name is NetworkEvent =>
  (networkEvents as readonly string[]).includes(name);

export function externalEventRoutes(deps: NovaDeps): readonly Route[] {
  const conductor = conductorClient(deps);
  return [
    route<{ events: Event[] }>('POST', '/v2.1/os-server-external-events', {
      policy: 'os_compute_api:os-server-external-events:create',
      faults: ['notFound'],
      maxBodyBytes: 4 * 1024 * 1024,
      body: names.map(({ since }) => ({ from: since, schema: bodyAt(since) })),
      handler: async (request) => {
        const { events } = request.body;
        const ids = [...new Set(events.map((event) => event.server_uuid))];
        const hosts = await hostsOfServers(deps.database.db, ids);
        let acceptedCount = 0;
        const answers: JsonObject[] = [];
        for (const event of events) {
          const host = hosts.get(event.server_uuid);
          // 422: the server exists, but is not on a host (not built yet, or offloaded).
          // nova.api.openstack.compute.server_external_events
          const code = host === undefined ? 404 : host === null ? 422 : 200;
          answers.push({
            ...event,
            code,
            status: code === 200 ? (event.status ?? 'completed') : 'failed',
          });
          if (code !== 200) continue;
          acceptedCount += 1;
          if (event.name === 'volume-extended' && event.tag !== undefined)
            await conductor.cast(
              'volumeExtended',
              { serverId: event.server_uuid, volumeId: event.tag },
              { requestId: request.id },
            );
          if (isNetworkEvent(event.name))
            await conductor.cast(
              'networkEvent',
              { serverId: event.server_uuid, portId: event.tag ?? null, event: event.name },
              { requestId: request.id },
            );
        }
        if (acceptedCount === 0) return fault('notFound', 'No instances found for any event');
        return { status: acceptedCount === events.length ? 200 : 207, body: { events: answers } };
      },
    }),
  ];
}

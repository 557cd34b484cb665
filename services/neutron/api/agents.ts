// The agents API. Lists OVN controllers and metadata agents of hosts; the role neutron-ovn-writer
// (ovn/) writes their rows. https://docs.openstack.org/api-ref/network/v2/#networking-agents
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { changeAgent, deleteAgent, findAgent, listAgents } from '../store/agents.ts';
import type { AgentRow } from '../store/tables.ts';
import { boolean, orNull, text } from './attributes.ts';
import { unknownFilter } from './list.ts';
import type { NeutronParts } from './parts.ts';

const missing = (id: string) =>
  fault('notFound', `Agent ${id} could not be found`, { type: 'AgentNotFound' });
const agentFilters = [
  'id',
  'agent_type',
  'binary',
  'host',
  'availability_zone',
  'topic',
  'alive',
  'admin_state_up',
  'description',
  'created_at',
  'started_at',
  'heartbeat_timestamp',
];
const moment = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

export function agentRoutes({ database: { db }, clock, config }: NeutronParts): readonly Route[] {
  const path = '/v2.0/agents';
  const one = `${path}/:agent_id`;
  const isAlive = (row: AgentRow): boolean =>
    clock.now() - row.heartbeat_at_ms <= config.agentDownMs;
  const view = (row: AgentRow): JsonObject => ({
    id: row.id,
    agent_type: row.agent_type,
    binary: row.binary,
    host: row.host,
    availability_zone: row.availability_zone,
    topic: row.topic,
    alive: isAlive(row),
    admin_state_up: row.admin_state_up === 1,
    description: row.description,
    configurations: JSON.parse(row.configurations_json) as JsonObject,
    created_at: moment(row.created_at_ms),
    started_at: moment(row.started_at_ms),
    heartbeat_timestamp: moment(row.heartbeat_at_ms),
    resources_synced: null,
  });
  const requestedAgent = async (request: ApiRequest): Promise<Outcome<AgentRow>> =>
    (await findAgent(db, request.params['agent_id'] ?? '')) ??
    missing(request.params['agent_id'] ?? '');
  return [
    // A caller who may see no agent gets an empty list rather than a 403, as in every list:
    // tempest, AgentManagementNegativeTest.
    route('GET', path, {
      policy: 'get_agents',
      handler: async (request): Promise<Outcome<Reply>> => {
        if (!request.allows('get_agent')) return { status: 200, body: { agents: [] } };
        const { fields, ...filters } = request.query;
        const refusal = unknownFilter(request, agentFilters);
        if (isFault(refusal)) return refusal;
        const same = (value: Json | undefined, filterText: string): boolean =>
          (typeof value === 'string' ? value : JSON.stringify(value ?? null)).toLowerCase() ===
          filterText.toLowerCase();
        const views = (await listAgents(db))
          .map(view)
          .filter((agent) =>
            Object.entries(filters).every(
              ([name, values]) =>
                !Object.hasOwn(agent, name) || values.some((value) => same(agent[name], value)),
            ),
          );
        return {
          status: 200,
          body: {
            agents: fields
              ? views.map((agent) =>
                  Object.fromEntries(
                    fields
                      .filter((name) => Object.hasOwn(agent, name))
                      .map((name) => [name, agent[name]]),
                  ),
                )
              : views,
          },
        };
      },
    }),
    route('GET', one, {
      policy: 'get_agent',
      faults: ['notFound'],
      handler: async (request) => {
        const row = await requestedAgent(request);
        return isFault(row) ? row : { status: 200, body: { agent: view(row) } };
      },
    }),
    route('PUT', one, {
      policy: 'update_agent',
      faults: ['notFound'],
      handler: async (request) => {
        const body: Json = request.body;
        const agent =
          typeof body === 'object' && body !== null && !Array.isArray(body)
            ? body['agent']
            : undefined;
        if (typeof agent !== 'object' || agent === null || Array.isArray(agent))
          return fault('badRequest', "Unable to find 'agent' in request body");
        const unknown = Object.keys(agent).filter(
          (name) => name !== 'admin_state_up' && name !== 'description',
        );
        if (unknown.length > 0)
          return fault('badRequest', `Cannot update read-only attribute ${unknown.join(', ')}`);
        const row = await requestedAgent(request);
        if (isFault(row)) return row;
        const [up, description] = [
          boolean(agent['admin_state_up'] ?? row.admin_state_up),
          orNull(text(255))(agent['description'] ?? row.description),
        ];
        if ('reason' in up)
          return fault('badRequest', `Invalid input for admin_state_up. Reason: ${up.reason}`);
        if ('reason' in description)
          return fault(
            'badRequest',
            `Invalid input for description. Reason: ${description.reason}`,
          );
        await changeAgent(db, row.id, {
          admin_state_up: Number(up.value),
          description: description.value as string | null,
        }); // typed by the attribute parsers above
        const changed = await requestedAgent(request);
        return isFault(changed) ? changed : { status: 200, body: { agent: view(changed) } };
      },
    }),
    route('DELETE', one, {
      policy: 'delete_agent',
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const row = await requestedAgent(request);
        if (isFault(row)) return row;
        // api-ref, "Delete agent": an agent must be disabled before it is deleted
        if (isAlive(row) && row.admin_state_up === 1)
          return fault(
            'conflict',
            `Agent ${row.id} is alive and enabled. Stop it, or disable it (admin_state_up) first.`,
            { type: 'AgentInUse' },
          );
        await deleteAgent(db, row.id, clock.now());
        return { status: 204 };
      },
    }),
  ];
}

// Adds a security group to all ports of a server, or removes it, with the caller's token. Done
// before the answer, without a saga.
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { NovaDeps } from '../../deps.ts';
import type { Server } from '../../store/servers.ts';
import { member } from '../policy-rules.ts';
import { refreshNetworkInfo } from '../refresh-network-info.ts';
import { serverPorts } from '../server-ports.ts';
import { checkLock } from '../servers/begin.ts';
import { callersNeutron, namedGroups } from '../servers/wanted-networks.ts';
import type { ServerActionRow } from './action.ts';
import { accepted } from './action.ts';

const schema = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 255 }) },
  { additionalProperties: false },
);

async function change(
  deps: NovaDeps,
  request: ApiRequest,
  server: Server,
  wanted: string,
  next: (now: readonly string[], id: string) => string[] | undefined,
) {
  const locked = checkLock(request, server);
  if (locked) return locked;
  const neutron = callersNeutron(deps, request);
  const groups = await namedGroups(neutron, [wanted], server.project_id);
  if (isFault(groups))
    return groups.kind === 'badRequest' ? fault('notFound', groups.message) : groups;
  const id = groups[0]?.id ?? '';
  const ports = await serverPorts(deps, neutron, server.id);
  if (isFault(ports)) return ports;
  let changes = 0;
  for (const port of ports) {
    // Ports without a fixed IP or with port security disabled have no security groups.
    // nova.network.security_group_api, add_to_instance
    if (port.port_security_enabled === false || port.fixed_ips.length === 0) continue;
    const security_groups = next(port.security_groups ?? [], id);
    if (security_groups === undefined) continue;
    const changed = await neutron.updatePort(port.id, { security_groups });
    if (isFault(changed)) return changed;
    changes += 1;
  }
  if (changes > 0) await refreshNetworkInfo(deps, server.id, request.id);
  return changes;
}

export const addSecurityGroup: ServerActionRow = {
  key: 'addSecurityGroup',
  policy: { name: 'os_compute_api:os-security-groups:add', default: member },
  faults: ['notFound', 'conflict'],
  schema,
  handler: async (deps, request, server, value) => {
    const { name } = value as { name: string }; // validated by the schema
    const changed = await change(deps, request, server, name, (now, id) =>
      now.includes(id) ? undefined : [...now, id],
    );
    return isFault(changed) ? changed : accepted;
  },
};

export const removeSecurityGroup: ServerActionRow = {
  key: 'removeSecurityGroup',
  policy: { name: 'os_compute_api:os-security-groups:remove', default: member },
  faults: ['notFound', 'conflict'],
  schema,
  handler: async (deps, request, server, value) => {
    const { name } = value as { name: string }; // validated by the schema
    const changed = await change(deps, request, server, name, (now, id) =>
      now.includes(id) ? now.filter((other) => other !== id) : undefined,
    );
    if (isFault(changed)) return changed;
    return changed === 0
      ? fault('notFound', `Security group ${name} is not associated with the instance ${server.id}`)
      : accepted;
  },
};

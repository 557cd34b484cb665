// The port binding API: the active binding, and inactive ones on hosts to which the port's server
// may move. For operators and other services.
// https://docs.openstack.org/api-ref/network/v2/#port-binding
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { bindingOf } from '../domain/port.ts';
import { mayBind } from '../store/agents.ts';
import { changeRow, findVisible } from '../store/objects.ts';
import type { PortBinding } from '../store/port-bindings.ts';
import {
  activateBinding,
  asActive,
  bindingsOf,
  changeBinding,
  deleteBindings,
  insertBinding,
} from '../store/port-bindings.ts';
import { portListing, unboundPort } from '../store/ports.ts';
import { markChanged } from '../store/sdn-journal.ts';
import type { PortRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';
import { write } from '../store/write.ts';
import type { Attributes, Bodied } from './attributes.ts';
import { readPost, readPut, text } from './attributes.ts';
import type { NeutronParts } from './parts.ts';
import { portAttributes } from './port-attributes.ts';
import { ports, vifDetails } from './ports.ts';
import type { Context } from './resource.ts';
import { contextOf, findToChange, missing, writeFaults } from './resource.ts';

interface BindingInput {
  host: string;
  vnic_type: string;
  profile: object | null;
}

const { 'binding:vnic_type': vnicType = {}, 'binding:profile': profile = {} } = portAttributes;
const attributes: Attributes = {
  host: { post: true, put: true, required: true, parse: text(255) },
  vnic_type: { ...vnicType, guarded: false },
  profile: { ...profile, guarded: false },
  project_id: { post: true, parse: text(255) },
};
const bodied: Bodied = { singular: 'binding', collection: 'bindings', attributes };

type Work<R> = (context: Context, trx: NeutronTrx, port: PortRow) => Promise<Outcome<R>>;

export function portBindingRoutes(parts: NeutronParts): readonly Route[] {
  const { db } = parts.database;
  const path = '/v2.0/ports/:port_id/bindings';
  const one = `${path}/:host`;
  const idOf = (request: ApiRequest): string => request.params['port_id'] ?? '';
  const hostOf = (request: ApiRequest): string => request.params['host'] ?? '';

  async function read(request: ApiRequest): Promise<Outcome<[PortRow, PortBinding[]]>> {
    const { scope } = contextOf(parts, request);
    const port = await findVisible(db, portListing, idOf(request), scope);
    return port ? [port, await bindingsOf(db, port)] : missing(ports, idOf(request));
  }
  async function change<R>(request: ApiRequest, rule: string, work: Work<R>): Promise<Outcome<R>> {
    const context = contextOf(parts, request);
    const outcome = await write(db, async (trx): Promise<Outcome<R>> => {
      const port = await findToChange(context, trx, ports, idOf(request), rule);
      if (isFault(port)) return port;
      return onlyOfServers(port, rule) ?? (await work(context, trx, port));
    });
    if (!isFault(outcome)) parts.changed(request.id);
    return outcome;
  }
  const shown = async (request: ApiRequest, status: number, host: string) => {
    const portBindings = await read(request);
    if (isFault(portBindings)) return portBindings;
    const [port, bindings] = portBindings;
    const binding = bindings.find((each) => each.host === host);
    return binding ? reply(status, port, binding) : noBinding(port, host);
  };

  return [
    route('GET', path, {
      policy: 'get_port_binding',
      faults: ['notFound'],
      handler: async (request) => {
        const portBindings = await read(request);
        if (isFault(portBindings)) return portBindings;
        const [port, bindings] = portBindings;
        return { status: 200, body: { bindings: bindings.map((each) => view(port, each)) } };
      },
    }),
    route('POST', path, {
      policy: 'create_port_binding',
      faults: writeFaults,
      handler: async (request) => {
        const input = readBinding(request);
        if (isFault(input)) return input;
        const creation = await change(
          request,
          'create_port_binding',
          async (context, trx, port) => await create(context, trx, port, input),
        );
        return isFault(creation) ? creation : await shown(request, 201, input.host);
      },
    }),
    route('GET', one, {
      policy: 'get_port_binding',
      faults: ['notFound'],
      handler: async (request) => await shown(request, 200, hostOf(request)),
    }),
    route('PUT', one, {
      policy: 'update_port_binding',
      faults: writeFaults,
      handler: async (request) => {
        const input = readPut<BindingInput>(bodied, request.body, request);
        if (isFault(input)) return input;
        const changed = await change(
          request,
          'update_port_binding',
          async (context, trx, port) => await update(context, trx, port, hostOf(request), input),
        );
        return isFault(changed) ? changed : await shown(request, 200, hostOf(request));
      },
    }),
    route('PUT', `${one}/activate`, {
      policy: 'activate',
      faults: writeFaults,
      handler: async (request) => {
        const host = hostOf(request);
        const activated = await change(request, 'activate', async (context, trx, port) => {
          const binding = await find(trx, port, host);
          if (isFault(binding)) return binding;
          if (binding.status === 'ACTIVE')
            return fault(
              'conflict',
              `Binding for port ${port.id} on host ${host} is already active.`,
              { type: 'PortBindingAlreadyActive' },
            );
          const { status: _inactive, ...row } = binding;
          return await activateBinding(trx, port, row, context.nowMs);
        });
        return isFault(activated) ? activated : await shown(request, 200, host);
      },
    }),
    route('DELETE', one, {
      policy: 'delete_port_binding',
      faults: writeFaults,
      handler: async (request) => {
        const deletion = await change(
          request,
          'delete_port_binding',
          async (context, trx, port) => {
            const binding = await find(trx, port, hostOf(request));
            if (isFault(binding)) return binding;
            if (binding.status === 'INACTIVE')
              return await deleteBindings(trx, port.id, binding.host);
            const { binding_host_id, binding_vif_type } = unboundPort;
            const unbound = { binding_host_id, binding_vif_type, status: 'DOWN' as const };
            await changeRow(trx, 'ports', port.id, unbound, context.nowMs);
            await markChanged(trx, [{ kind: 'port', id: port.id }]);
          },
        );
        return isFault(deletion) ? deletion : { status: 204 };
      },
    }),
  ];
}

function readBinding(request: ApiRequest): Outcome<BindingInput> {
  const { body } = request;
  const object =
    typeof body === 'object' && body !== null && !Array.isArray(body) ? body['binding'] : undefined;
  return typeof object === 'object' && object !== null && !Array.isArray(object)
    ? readPost<BindingInput>(bodied, object, request)
    : fault('badRequest', "Unable to find 'binding' in request body");
}

/**
 * Refuses ports that no server owns. Upstream: neutron_lib.exceptions.UnsupportedPortDeviceOwner.
 */
function onlyOfServers({ id, device_owner: owner }: PortRow, operation: string) {
  return owner.startsWith('compute:')
    ? undefined
    : fault(
        'conflict',
        `Operation ${operation} is not supported for device_owner ${owner} on port ${id}.`,
        { type: 'UnsupportedPortDeviceOwner' },
      );
}

const noBinding = ({ id }: PortRow, host: string) =>
  fault('notFound', `Binding for port ${id} for host ${host} could not be found.`, {
    type: 'PortBindingNotFound',
  });

async function find(trx: NeutronTrx, port: PortRow, host: string): Promise<Outcome<PortBinding>> {
  return (await bindingsOf(trx, port)).find((each) => each.host === host) ?? noBinding(port, host);
}

/**
 * Binds the port to a host; a port's first binding is active at once. conflict: the port has a
 * binding to this host already, or the host cannot carry the port.
 */
async function create(
  { nowMs }: Context,
  trx: NeutronTrx,
  port: PortRow,
  input: BindingInput,
): Promise<Outcome<void>> {
  if (!isFault(await find(trx, port, input.host)))
    return fault('conflict', `Binding for port ${port.id} on host ${input.host} already exists.`, {
      type: 'PortBindingAlreadyExists',
    });
  const row = {
    port_id: port.id,
    host: input.host,
    vnic_type: input.vnic_type,
    profile_json: JSON.stringify(input.profile ?? {}),
    vif_type: bindingOf(input.host, await mayBind(trx, input.host, nowMs)),
  };
  if (row.vif_type !== 'ovs') return notBound(port, input.host);
  if (port.binding_host_id !== '') return await insertBinding(trx, row);
  await changeRow(trx, 'ports', port.id, asActive(row), nowMs);
  await markChanged(trx, [{ kind: 'port', id: port.id }]);
}

const notBound = ({ id }: PortRow, host: string) =>
  fault('conflict', `Binding for port ${id} on host ${host} could not be created or updated.`, {
    type: 'PortBindingError',
  });

/** Changes the binding to `host`, which identifies it and cannot be changed. */
async function update(
  { nowMs }: Context,
  trx: NeutronTrx,
  port: PortRow,
  host: string,
  input: Partial<BindingInput>,
): Promise<Outcome<void>> {
  const binding = await find(trx, port, host);
  if (isFault(binding)) return binding;
  if (input.host !== undefined && input.host !== host)
    return fault('badRequest', `The binding of port ${port.id} on host ${host} stays there.`);
  const { status, ...row } = binding;
  const changed = {
    ...row,
    vnic_type: input.vnic_type ?? row.vnic_type,
    profile_json:
      input.profile === undefined ? row.profile_json : JSON.stringify(input.profile ?? {}),
    vif_type: bindingOf(host, await mayBind(trx, host, nowMs)),
  };
  if (changed.vif_type !== 'ovs') return notBound(port, host);
  if (status === 'INACTIVE') return await changeBinding(trx, changed);
  await changeRow(trx, 'ports', port.id, asActive(changed), nowMs);
}

const view = (port: PortRow, binding: PortBinding): JsonObject => ({
  host: binding.host,
  vif_type: binding.vif_type,
  vif_details: vifDetails(binding.vif_type),
  vnic_type: binding.vnic_type,
  profile: JSON.parse(binding.profile_json) as JsonObject, // JSON that Neutron wrote
  status: binding.status,
  project_id: port.project_id,
});
const reply = (status: number, port: PortRow, binding: PortBinding): Reply => ({
  status,
  body: { binding: view(port, binding) },
});

// Port bindings of a live migration: an inactive binding on the destination is created beforehand
// and activated once the guest has arrived. Nova uses its own credentials; every call is
// idempotent.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Neutron } from '#openstack/clients/neutron.ts';
import { neutronClient } from '#openstack/clients/neutron.ts';
import type { NovaDeps } from '../../deps.ts';
import { nicsOf } from '../../store/nics.ts';

interface Call {
  requestId: string;
}

async function each(
  deps: NovaDeps,
  serverId: string,
  { requestId }: Call,
  work: (neutron: Neutron, portId: string) => Promise<Outcome<void>>,
): Promise<Outcome<void>> {
  const neutron = neutronClient(deps, { token: null, requestId });
  for (const { port_id: portId } of await nicsOf(deps.database.db, serverId)) {
    const outcome = portId === null ? undefined : await work(neutron, portId);
    if (isFault(outcome)) return outcome;
  }
}

/** Adds bindings on `host` to all ports. conflict: a port cannot be bound there. */
export const bindNics = async (
  deps: NovaDeps,
  serverId: string,
  host: string,
  call: Call,
): Promise<Outcome<void>> =>
  await each(deps, serverId, call, async (neutron, portId) => await neutron.bindPort(portId, host));

/**
 * Activates the bindings on `host`. Ports that were deleted, or have no binding there, are skipped.
 */
export const activateNics = async (
  deps: NovaDeps,
  serverId: string,
  host: string,
  call: Call,
): Promise<Outcome<void>> =>
  await each(deps, serverId, call, async (neutron, portId) => {
    const activated = await neutron.activateBinding(portId, host);
    return isFault(activated) && activated.kind !== 'notFound' ? activated : undefined;
  });

/** Activates the bindings on `to` and deletes those on `from`. */
export const moveNics = async (
  deps: NovaDeps,
  serverId: string,
  { from, to }: { from: string; to: string },
  call: Call,
): Promise<Outcome<void>> => {
  const activated = await activateNics(deps, serverId, to, call);
  if (isFault(activated)) return activated;
  return await each(
    deps,
    serverId,
    call,
    async (neutron, portId) => await neutron.unbindPort(portId, from),
  );
};

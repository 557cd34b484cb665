// The ports of a server that moves live: bound to the destination beforehand, active there once the
// guest has arrived. Nova acts here in its own name; every call is safe to repeat.
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

/** conflict: the host cannot carry one of them. */
export const bindNics = async (
  deps: NovaDeps,
  serverId: string,
  host: string,
  call: Call,
): Promise<Outcome<void>> =>
  await each(deps, serverId, call, async (neutron, portId) => await neutron.bindPort(portId, host));

/** A port that was deleted meanwhile, or was never bound there, is left as it is. */
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

/** Active on `to`, and no more bound to `from`: where the guest is, or where it has stayed. */
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

// Checks that creating and changing a port share: security groups and allowed address pairs need
// port security to be on, and the groups must exist.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { findByIds } from '../store/objects.ts';
import type { NeutronTrx } from '../store/write.ts';
import type { AddressPair } from './port-attributes.ts';
import type { Context } from './resource.ts';
import { missing } from './resource.ts';
import { securityGroups } from './security-groups.ts';

export const securityRequired = () =>
  fault(
    'badRequest',
    'Port security must be enabled and port must have an IP address in order to use security groups.',
    { type: 'PortSecurityAndIPRequiredForSecurityGroups' },
  );

export async function unknownGroups(
  { scope }: Context,
  trx: NeutronTrx,
  named: readonly string[],
  projectId: string,
): Promise<Outcome<undefined>> {
  const groups = (await findByIds(trx, 'security_groups', named)).filter(
    ({ project_id }) => scope === null || project_id === scope || project_id === projectId,
  );
  const unknown = named.find((id) => !groups.some((group) => group.id === id));
  return unknown === undefined ? undefined : missing(securityGroups, unknown);
}

export const pairsNeedSecurity = (secured: boolean, pairs: number): Outcome<void> =>
  secured || pairs === 0
    ? undefined
    : fault(
        'conflict',
        'Port Security must be enabled in order to have allowed address pairs on a port.',
        { type: 'AddressPairAndPortSecurityRequired' },
      );

export const pairsJson = (pairs: readonly AddressPair[], mac: string): string =>
  JSON.stringify(
    pairs.map(({ ip_address, mac_address }) => ({ ip_address, mac_address: mac_address ?? mac })),
  );

// The role neutron-api: OpenStack's network API. It records changed objects in a journal in the
// database, from which the role neutron-ovn-writer updates OVN.
import type { OvnWriterRpc } from '#contracts/neutron/ovn-writer-rpc.ts';
import { ovnWriterTopic } from '#contracts/neutron/ovn-writer-rpc.ts';
import type { Role } from '#openstack/role.ts';
import { rpcClient } from '#platform/bus/contract.ts';
import type { NeutronDeps } from '../deps.ts';
import { neutronFaults } from './fault-body.ts';
import type { NeutronParts } from './parts.ts';
import { policies } from './policies.ts';
import { neutronRoutes } from './routes.ts';

export function createNeutronApi(deps: NeutronDeps): Role {
  const writer = rpcClient<OvnWriterRpc>(deps.bus, ovnWriterTopic);
  const parts: NeutronParts = {
    ...deps,
    changed: (requestId) => {
      writer.fanout('wake', {}, { requestId }).catch((error: unknown) => {
        deps.log.debug({ err: error, req: requestId }, 'the writer to OVN looks later by itself');
      });
    },
  };
  return {
    name: 'neutron-api',
    http: [
      {
        name: 'neutron',
        serviceType: 'network',
        mount: '/network',
        routes: neutronRoutes(parts),
        faultStyle: neutronFaults,
        policies,
        maxBodyBytes: 1024 * 1024,
      },
    ],
    rpc: [],
    tasks: [],
    sagas: [],
  };
}

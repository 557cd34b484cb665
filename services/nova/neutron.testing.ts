// A double of Neutron for Nova's tests, at the HTTP boundary: it answers the calls that Nova makes
// from records in memory. The tests in test/sim run the real Neutron.
import { randomUUID } from 'node:crypto';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { FloatingIp, Network, Port, SecurityGroup, Subnet } from '#contracts/neutron/wire.ts';
import type { HttpCall } from '#openstack/http/client.ts';

export interface NeutronDouble {
  networks: Network[];
  subnets: Subnet[];
  ports: Port[];
  floatingips: FloatingIp[];
  security_groups: SecurityGroup[];
  portLimit: number;
  /** Offers an automatic network (get-me-a-network) to projects without any. */
  autoNetwork: boolean;
  /** If true, every call fails as unavailable. */
  away: boolean;
  /** Bound ports become ACTIVE at once. */
  plugs: boolean;
  /** Hosts on which ports cannot be bound. */
  badHosts: Set<string>;
  addNetwork(network: Partial<Network>, cidr?: string): Network;
  addPort(port: Partial<Port> & { network_id: string }): Port;
  answer(call: HttpCall): { status: number; body?: Json } | 'silent';
}

const refuse = (status: number, type: string, message = type) => ({
  status,
  body: { NeutronError: { type, message, detail: '' } },
});

export function neutronDouble(): NeutronDouble {
  let macs = 0;
  const double: NeutronDouble = {
    networks: [],
    subnets: [],
    ports: [],
    floatingips: [],
    portLimit: 500,
    autoNetwork: false,
    away: false,
    plugs: true,
    badHosts: new Set(),
    security_groups: ['default', 'web'].map((name) => ({
      id: randomUUID(),
      name,
      description: '',
      tenant_id: 'project-a',
      security_group_rules: [],
    })),
    addNetwork(network, cidr = '10.0.0.0/24') {
      const networkDocument: Network = {
        id: randomUUID(),
        name: 'private',
        tenant_id: 'project-a',
        shared: false,
        'router:external': false,
        subnets: [],
        mtu: 1442,
        ...network,
      };
      if (cidr !== '') {
        const subnet: Subnet = {
          id: randomUUID(),
          network_id: networkDocument.id,
          cidr,
          ip_version: 4,
          gateway_ip: cidr.replace(/0\/.*/, '1'),
          dns_nameservers: ['9.9.9.9'],
          enable_dhcp: true,
          ipv6_address_mode: null,
          host_routes: [],
        };
        double.subnets.push(subnet);
        networkDocument.subnets.push(subnet.id);
      }
      double.networks.push(networkDocument);
      return networkDocument;
    },
    addPort(port) {
      const subnet = double.subnets.find(({ network_id }) => network_id === port.network_id);
      macs += 1;
      const requestedAddress = port.fixed_ips?.[0]?.ip_address;
      const portDocument: Port = {
        id: randomUUID(),
        tenant_id: 'project-a',
        mac_address: `fa:16:3e:00:00:${macs.toString(16).padStart(2, '0')}`,
        device_id: '',
        device_owner: '',
        status: 'DOWN',
        security_groups: double.security_groups.slice(0, 1).map(({ id }) => id),
        ...port,
        fixed_ips: subnet
          ? [
              {
                subnet_id: subnet.id,
                ip_address: requestedAddress ?? subnet.cidr.replace(/0\/.*/, String(macs + 9)),
              },
            ]
          : [],
      };
      double.ports.push(portDocument);
      return settle(portDocument);
    },
    answer(call) {
      if (double.away) return 'silent';
      const { pathname, searchParams } = new URL(`http://neutron${call.path}`);
      const [, , collection = '', id] = pathname.split('/');
      if (collection === 'auto-allocated-topology')
        return double.autoNetwork
          ? {
              status: 200,
              body: {
                auto_allocated_topology: {
                  id: double.addNetwork({ name: 'auto_allocated_network' }).id,
                },
              },
            }
          : refuse(409, 'AutoAllocationFailure');
      if (collection === 'quotas')
        return {
          status: 200,
          body: {
            quota: { port: { limit: double.portLimit, used: double.ports.length, reserved: 0 } },
          },
        };
      const key = collection.replaceAll('-', '_') as
        | 'ports'
        | 'networks'
        | 'subnets'
        | 'floatingips'
        | 'security_groups';
      const rows = double[key] as unknown as JsonObject[]; // one of the lists declared above
      if (id === undefined && call.method === 'GET')
        return { status: 200, body: { [key]: rows.filter((row) => matches(row, searchParams)) } };
      if (id === undefined)
        return createPort((call.body as { port: Partial<Port> & { network_id: string } }).port);
      const at = rows.findIndex((row) => row['id'] === id);
      const row = rows[at];
      if (!row) return refuse(404, 'NotFound');
      if (call.method === 'DELETE') {
        rows.splice(at, 1);
        return { status: 204 };
      }
      const one = key.replace(/s$/, '');
      if (call.method === 'PUT') Object.assign(row, (call.body as Record<string, JsonObject>)[one]);
      return {
        status: 200,
        body: {
          [one]: key === 'ports' ? (settle(row as unknown as Port) as unknown as Json) : row,
        },
      };
    },
  };

  function settle(port: Port): Port {
    const host = port['binding:host_id'] ?? '';
    port['binding:vif_type'] =
      host === '' ? 'unbound' : double.badHosts.has(host) ? 'binding_failed' : 'ovs';
    port['binding:vif_details'] = host === '' ? {} : { bridge_name: 'br-int' };
    port.status = host !== '' && double.plugs ? 'ACTIVE' : 'DOWN';
    return port;
  }

  function createPort(port: Partial<Port> & { network_id: string }) {
    const requestedAddress = port.fixed_ips?.[0]?.ip_address;
    if (
      requestedAddress !== undefined &&
      double.ports.some((other) => other.fixed_ips.some((ip) => ip.ip_address === requestedAddress))
    )
      return refuse(
        409,
        'IpAddressAlreadyAllocated',
        `IP address ${requestedAddress} already allocated`,
      );
    return { status: 201, body: { port: double.addPort(port) as unknown as Json } };
  }
  return double;
}

function matches(row: JsonObject, query: URLSearchParams): boolean {
  return [...new Set(query.keys())].every((name) => {
    if (name === 'fields') return true;
    const wanted = query.getAll(name);
    if (name === 'fixed_ips')
      return (row['fixed_ips'] as { ip_address: string }[]).some((ip) =>
        wanted.includes(`ip_address=${ip.ip_address}`),
      );
    const value = row[name];
    return wanted.some((text) =>
      typeof value === 'boolean' ? text.toLowerCase() === String(value) : text === value,
    );
  });
}

// The views of Neutron's ports: addresses for the API, interfaces for hosts, network_data for
// guests.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Network, Port, Subnet } from '#contracts/neutron/wire.ts';
import { maskOf, networkData } from './network-data.ts';
import { addressesView, guestNic, nicInfo, securityGroupNames } from './network-info.ts';

const network: Network = {
  id: 'n1',
  name: 'private',
  tenant_id: 'p',
  shared: false,
  'router:external': false,
  subnets: ['v4', 'v6'],
  mtu: 1442,
};
const subnet = (change: Partial<Subnet>): Subnet => ({
  id: 'v4',
  network_id: 'n1',
  cidr: '10.0.0.0/24',
  ip_version: 4,
  gateway_ip: '10.0.0.1',
  dns_nameservers: ['9.9.9.9'],
  enable_dhcp: true,
  ipv6_address_mode: null,
  host_routes: [],
  ...change,
});
const port: Port = {
  id: '13ba812b-03c6-4ccd-98ab-868b32b5dd76',
  network_id: 'n1',
  tenant_id: 'p',
  mac_address: 'fa:16:3e:df:43:e6',
  status: 'ACTIVE',
  device_id: 's',
  device_owner: 'compute:nova',
  fixed_ips: [
    { subnet_id: 'v4', ip_address: '10.0.0.5' },
    { subnet_id: 'v6', ip_address: 'fd00::5' },
  ],
  security_groups: ['g1', 'g2'],
};
const info = (subnets: readonly Subnet[]) =>
  nicInfo(port, {
    network,
    subnets,
    groupNames: new Map([['g1', 'default']]),
    floatingIps: [
      {
        id: 'f',
        floating_network_id: 'public',
        floating_ip_address: '10.99.0.5',
        fixed_ip_address: '10.0.0.5',
        port_id: port.id,
      },
      {
        id: 'other',
        floating_network_id: 'public',
        floating_ip_address: '10.99.0.6',
        fixed_ip_address: '10.0.0.5',
        port_id: 'another',
      },
    ],
  });
const slaac = subnet({
  id: 'v6',
  cidr: 'fd00::/64',
  ip_version: 6,
  gateway_ip: 'fd00::1',
  ipv6_address_mode: 'slaac',
  dns_nameservers: [],
});

describe('network info', () => {
  it("lists fixed addresses, each with its floating ones, under the network's name", () => {
    assert.deepEqual(addressesView([info([subnet({}), slaac])]), {
      private: [
        {
          version: 4,
          addr: '10.0.0.5',
          'OS-EXT-IPS:type': 'fixed',
          'OS-EXT-IPS-MAC:mac_addr': 'fa:16:3e:df:43:e6',
        },
        {
          version: 4,
          addr: '10.99.0.5',
          'OS-EXT-IPS:type': 'floating',
          'OS-EXT-IPS-MAC:mac_addr': 'fa:16:3e:df:43:e6',
        },
        {
          version: 6,
          addr: 'fd00::5',
          'OS-EXT-IPS:type': 'fixed',
          'OS-EXT-IPS-MAC:mac_addr': 'fa:16:3e:df:43:e6',
        },
      ],
    });
    assert.deepEqual(
      securityGroupNames([info([])]),
      ['default', 'g2'],
      'a group that cannot be read keeps its id',
    );
  });

  it("makes interfaces of the image's model, virtio for one it does not know", () => {
    assert.deepEqual(guestNic(info([]), 'e1000'), {
      portId: port.id,
      mac: port.mac_address,
      mtu: 1442,
      bridge: 'br-int',
      model: 'e1000',
    });
    assert.equal(guestNic(info([]), 'ne2k').model, 'virtio');
  });
});

describe('network_data.json', () => {
  it('sends a guest to DHCP where there is one', () => {
    assert.deepEqual(networkData([{ info: info([subnet({}), slaac]) }]), {
      links: [
        {
          id: 'tap13ba812b-03',
          vif_id: port.id,
          type: 'ovs',
          mtu: 1442,
          ethernet_mac_address: 'fa:16:3e:df:43:e6',
        },
      ],
      networks: [
        { id: 'network0', link: 'tap13ba812b-03', network_id: 'n1', type: 'ipv4_dhcp' },
        {
          id: 'network1',
          link: 'tap13ba812b-03',
          network_id: 'n1',
          type: 'ipv6_slaac',
          ip_address: 'fd00::5',
          netmask: 'ffff:ffff:ffff:ffff::',
          routes: [{ network: '::', netmask: '::', gateway: 'fd00::1' }],
        },
      ],
      services: [{ type: 'dns', address: '9.9.9.9' }],
    });
  });

  it('tells address, mask and routes where the guest must do it itself', () => {
    const [fixed] = networkData([
      {
        info: info([
          subnet({
            enable_dhcp: false,
            host_routes: [{ destination: '172.16.0.0/12', nexthop: '10.0.0.2' }],
          }),
          slaac,
        ]),
      },
    ])['networks'] as object[];
    assert.deepEqual(fixed, {
      id: 'network0',
      link: 'tap13ba812b-03',
      network_id: 'n1',
      type: 'ipv4',
      ip_address: '10.0.0.5',
      netmask: '255.255.255.0',
      services: [{ type: 'dns', address: '9.9.9.9' }],
      routes: [
        { network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.0.0.1' },
        { network: '172.16.0.0', netmask: '255.240.0.0', gateway: '10.0.0.2' },
      ],
    });
  });

  it('writes masks of any length', () => {
    assert.deepEqual(
      [
        maskOf(4, 0),
        maskOf(4, 25),
        maskOf(4, 32),
        maskOf(6, 0),
        maskOf(6, 48),
        maskOf(6, 65),
        maskOf(6, 128),
      ],
      [
        '0.0.0.0',
        '255.255.255.128',
        '255.255.255.255',
        '::',
        'ffff:ffff:ffff::',
        'ffff:ffff:ffff:ffff:8000::',
        Array.from({ length: 8 }, () => 'ffff').join(':'),
      ],
    );
  });
});

// The refusals of malformed bodies and of network requests, each with its status code and fault
// type.
import { describe } from 'node:test';
import { external, network, refuses, unknownCases } from './refusals.testing.ts';

describe('a body is refused', () =>
  refuses([
    { what: 'without its object', path: 'networks', body: {}, code: 400, type: 'HTTPBadRequest' },
    { what: 'that is a list', path: 'networks', body: [], code: 400, type: 'HTTPBadRequest' },
    {
      what: 'with an empty bulk',
      path: 'networks',
      body: { networks: [] },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with an unknown attribute',
      path: 'networks',
      body: { network: { colour: 'red' } },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with a name of JavaScript',
      path: 'networks',
      body: { network: { constructor: 1 } },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with an attribute that only we set',
      path: 'networks',
      body: { network: { status: 'ACTIVE' } },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'without what it must name',
      path: 'ports',
      body: { port: {} },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with a wrong boolean',
      path: 'networks',
      body: { network: { admin_state_up: 'maybe' } },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with a name that is too long',
      path: 'networks',
      body: { network: { name: 'x'.repeat(256) } },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with two owners',
      path: 'networks',
      body: { network: { project_id: 'a', tenant_id: 'b' } },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: "with another's project",
      path: 'networks',
      body: { network: { project_id: 'project-b' } },
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'that shares as a member',
      path: 'networks',
      body: { network: { shared: true } },
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'that names a provider as a member',
      path: 'networks',
      body: {
        network: { 'provider:network_type': 'flat', 'provider:physical_network': 'physnet1' },
      },
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'of a reader',
      who: 'reader',
      path: 'networks',
      body: { network: {} },
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'of a PUT that names what stays',
      method: 'PUT',
      path: () => `networks/${network.id}`,
      body: { network: { 'provider:network_type': 'vlan' } },
      code: 400,
      type: 'HTTPBadRequest',
    },
  ]));

describe('a network is refused', () =>
  refuses([
    {
      what: 'on a flat network that is taken',
      who: 'admin',
      path: 'networks',
      body: {
        network: { 'provider:network_type': 'flat', 'provider:physical_network': 'physnet1' },
      },
      code: 409,
      type: 'FlatNetworkInUse',
    },
    {
      what: 'on an unknown physical network',
      who: 'admin',
      path: 'networks',
      body: {
        network: { 'provider:network_type': 'vlan', 'provider:physical_network': 'nowhere' },
      },
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'of an unknown type',
      who: 'admin',
      path: 'networks',
      body: { network: { 'provider:network_type': 'token-ring' } },
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'on VLAN 4095',
      who: 'admin',
      path: 'networks',
      body: {
        network: {
          'provider:network_type': 'vlan',
          'provider:physical_network': 'physnet1',
          'provider:segmentation_id': 4095,
        },
      },
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'on a tunnel that is taken',
      who: 'admin',
      path: 'networks',
      body: { network: { 'provider:network_type': 'geneve', 'provider:segmentation_id': 1 } },
      code: 409,
      type: 'TunnelIdInUse',
    },
    {
      what: "with packets larger than its carrier's",
      path: 'networks',
      body: { network: { mtu: 9000 } },
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'in an unknown zone',
      path: 'networks',
      body: { network: { availability_zone_hints: ['mars'] } },
      code: 404,
      type: 'AvailabilityZoneNotFound',
    },
    ...unknownCases('networks', 'network', 'NetworkNotFound'),
    {
      what: 'its deletion while ports are on it',
      method: 'DELETE',
      path: () => `networks/${network.id}`,
      code: 409,
      type: 'NetworkInUse',
    },
    {
      what: 'its change by whom it is only shown',
      method: 'PUT',
      path: () => `networks/${external.id}`,
      body: { network: { name: 'mine' } },
      code: 403,
      type: 'PolicyNotAuthorized',
    },
  ]));

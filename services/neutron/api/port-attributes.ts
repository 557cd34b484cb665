// The attributes of a port and their parsers. https://docs.openstack.org/api-ref/network/v2/#ports
import { canonicalIp, formatCidr, parseCidr } from '../domain/ip.ts';
import type { DhcpOption } from '../domain/port.ts';
import { isNoHost, specialUseOf } from '../domain/special-addresses.ts';
import type { Attributes, Parser } from './attributes.ts';
import {
  anyObject,
  boolean,
  dict,
  ip,
  listOf,
  mac,
  oneOf,
  orNull,
  show,
  standardAttributes,
  text,
  uuid,
} from './attributes.ts';
import type { RequestedFixedIp } from './fixed-ips.ts';

export interface AddressPair {
  ip_address: string;
  mac_address?: string;
}

export interface PortInput {
  project_id: string;
  network_id: string;
  name: string;
  description: string;
  admin_state_up: boolean;
  mac_address?: string | null;
  fixed_ips?: RequestedFixedIp[] | null;
  device_id: string;
  device_owner: string;
  security_groups?: string[] | null;
  port_security_enabled?: boolean;
  allowed_address_pairs: AddressPair[];
  extra_dhcp_opts: (Omit<DhcpOption, 'opt_value'> & { opt_value: string | null })[];
  dns_name: string;
  'binding:host_id': string | null;
  'binding:vnic_type': string;
  'binding:profile': object | null;
}

/**
 * An address is kept as one, a prefix has its host bits cleared. Refuses addresses no host can
 * have.
 */
const ipOrCidr: Parser = (value) => {
  const cidr = typeof value === 'string' ? parseCidr(value) : undefined;
  if (typeof value !== 'string' || !cidr)
    return { reason: `${show(value)} is not a valid IP address or subnet.` };
  const text = value.includes('/') ? formatCidr(cidr) : canonicalIp(value);
  return isNoHost(text)
    ? { reason: `${show(value)} is a ${specialUseOf(text)} address.` }
    : { value: text };
};
const fixedIp: Parser = (value) => {
  const read = dict({ subnet_id: uuid, ip_address: ip })(value);
  return 'reason' in read || Object.keys(read.value as object).length > 0
    ? read
    : { reason: 'A fixed IP needs a subnet_id or an ip_address.' };
};
const dhcpOption: Parser = (value) => {
  const read = dict({ opt_name: text(64), opt_value: orNull(text(255)), ip_version: oneOf(4, 6) }, [
    'opt_name',
    'opt_value',
  ])(value);
  if ('reason' in read) return read;
  const option = read.value as Partial<DhcpOption>; // types follow from `dict`
  if (option.opt_name?.trim() === '' || option.opt_value === '')
    return { reason: 'A DHCP option has a name and a value.' };
  return { value: { ip_version: 4, ...option } };
};
const hostName: Parser = (value) =>
  typeof value === 'string' &&
  value.length <= 255 &&
  (value === '' ||
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\.?$/i.test(value))
    ? { value }
    : { reason: `${show(value)} is no host name.` };
/** neutron_lib: binding:profile has at most 4095 characters. */
const maxProfileLength = 4_095;
const profile: Parser = (value) =>
  JSON.stringify(value).length > maxProfileLength
    ? { reason: `It has more than ${maxProfileLength} characters.` }
    : anyObject(value);
const maxPairs = 10;
const maxFixedIps = 100;

export const portAttributes: Attributes = {
  ...standardAttributes,
  network_id: { post: true, required: true, parse: uuid },
  admin_state_up: { post: true, put: true, parse: boolean, default: true },
  mac_address: { post: true, put: true, parse: orNull(mac) },
  fixed_ips: { post: true, put: true, parse: orNull(listOf(fixedIp, { max: maxFixedIps })) },
  device_id: { post: true, put: true, parse: text(255), default: '' },
  device_owner: { post: true, put: true, parse: text(255), default: '' },
  security_groups: { post: true, put: true, parse: orNull(listOf(uuid, { unique: true })) },
  port_security_enabled: { post: true, put: true, parse: boolean },
  allowed_address_pairs: {
    post: true,
    put: true,
    parse: (value) =>
      listOf(dict({ ip_address: ipOrCidr, mac_address: mac }, ['ip_address']), {
        max: maxPairs,
        unique: true,
      })(value ?? []),
    default: [],
  },
  extra_dhcp_opts: {
    post: true,
    put: true,
    parse: (value) => listOf(dhcpOption)(value ?? []),
    default: [],
  },
  dns_name: { post: true, put: true, parse: hostName, default: '' },
  dns_assignment: {},
  'binding:host_id': {
    post: true,
    put: true,
    guarded: true,
    hidden: true,
    parse: orNull(text(255)),
    default: '',
  },
  'binding:vnic_type': {
    post: true,
    put: true,
    parse: oneOf(
      'normal',
      'direct',
      'macvtap',
      'baremetal',
      'direct-physical',
      'virtio-forwarder',
      'smart-nic',
      'vdpa',
      'remote-managed',
    ),
    default: 'normal',
  },
  'binding:profile': {
    post: true,
    put: true,
    guarded: true,
    hidden: true,
    parse: profile,
    default: {},
  },
  'binding:vif_type': { hidden: true },
  'binding:vif_details': { hidden: true },
  ip_allocation: {},
  status: {},
};

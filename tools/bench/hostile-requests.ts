// 250 requests that try to keep the control plane busy: long texts to match against patterns, wide
// and deep bodies, very many values.
import { gzipSync } from 'node:zlib';
import type { Json, JsonObject } from '#contracts/common/json.ts';

export interface HostileCall {
  what: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: Buffer;
}

export interface HostileFacts {
  token: string;
  /** A token of an application credential with access rules that are slow to match. */
  ruledToken: string;
  imageId: string;
  volumeId: string;
  networkId: string;
  projectId: string;
}

/** Access rules for a credential: as many, and as ambiguous ones, as it may have. */
export const slowRules = (): Json[] =>
  Array.from({ length: 64 }, (_, index) => ({
    service: 'image',
    method: 'GET',
    path: `/${'**a'.repeat(16)}b${index}`,
  }));

const sizes = [500, 2_000, 8_000, 30_000, 100_000] as const;
const list = (count: number): string[] => Array.from({ length: count }, (_, index) => `t${index}`);
const wide = (count: number): JsonObject =>
  Object.fromEntries(list(count).map((name) => [name, 'v']));

export function hostileCalls(facts: HostileFacts): HostileCall[] {
  const json = (token: string): Record<string, string> => ({
    'content-type': 'application/json',
    ...(token === '' ? {} : { 'x-auth-token': token }),
  });
  const post = (
    what: string,
    path: string,
    body: Json | Buffer,
    {
      token = facts.token,
      method = 'POST',
      headers = {},
    }: { token?: string; method?: string; headers?: Record<string, string> } = {},
  ): HostileCall => ({
    what,
    method,
    path,
    headers: { ...json(token), ...headers },
    body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)),
  });
  const get = (what: string, path: string, headers: Record<string, string> = {}): HostileCall => ({
    what,
    method: 'GET',
    path,
    headers: { 'x-auth-token': facts.token, ...headers },
  });
  const server = (fields: JsonObject): Json => ({
    server: { name: 'x', flavorRef: '42', imageRef: facts.imageId, ...fields },
  });
  const newest = { 'openstack-api-version': 'compute 2.94' };
  const inQuery = (size: number): number => Math.min(size, 12_000);

  const kinds: ((size: number) => HostileCall)[] = [
    (size) =>
      post(
        'hostname',
        '/compute/v2.1/servers',
        server({ networks: 'none', hostname: `${'a'.repeat(size)}!` }),
        { headers: newest },
      ),
    (size) =>
      post(
        'user_data',
        '/compute/v2.1/servers',
        server({ user_data: `${'\n'.repeat(size / 2)}!` }),
      ),
    (size) =>
      post(
        'device_name',
        '/compute/v2.1/servers',
        server({ block_device_mapping_v2: [{ device_name: `${'a'.repeat(size)}!` }] }),
      ),
    (size) =>
      post(
        'device of an attachment',
        `/compute/v2.1/servers/${facts.volumeId}/os-volume_attachments`,
        { volumeAttachment: { volumeId: facts.volumeId, device: `/dev/${'d'.repeat(size)}!` } },
      ),
    (size) =>
      post(
        'a name of a server',
        '/compute/v2.1/servers',
        server({ name: `${'-'.repeat(Math.min(size, 254))}a` }),
      ),
    (size) =>
      post(
        'wrong tags',
        '/compute/v2.1/servers',
        server({ networks: 'none', tags: list(size / 10).map((tag) => `${tag},`) }),
        { headers: newest },
      ),
    (size) =>
      post(
        'networks',
        '/compute/v2.1/servers',
        server({ networks: list(size / 20).map((uuid) => ({ uuid })) }),
        { headers: newest },
      ),
    (size) =>
      post('metadata of a server', '/compute/v2.1/servers', server({ metadata: wide(size / 20) })),
    (size) =>
      post('hints', '/compute/v2.1/servers', {
        ...(server({}) as JsonObject),
        'os:scheduler_hints': { different_host: list(size / 20) },
      }),
    (size) => post('properties of an image', '/image/v2/images', { name: 'x', ...wide(size / 16) }),
    (size) =>
      post(
        'a patch of an image',
        `/image/v2/images/${facts.imageId}`,
        list(size / 50).map((name) => ({ op: 'add', path: `/${name}`, value: 'v' })),
        {
          method: 'PATCH',
          headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
        },
      ),
    (size) => post('tags of an image', '/image/v2/images', { name: 'x', tags: list(size / 10) }),
    (size) =>
      post('metadata of a volume', '/volume/v3/volumes', {
        volume: { size: 1, metadata: wide(size / 20) },
      }),
    (size) =>
      post(
        'tags of a project',
        `/identity/v3/projects/${facts.projectId}/tags`,
        { tags: list(size / 10) },
        { method: 'PUT' },
      ),
    (size) =>
      post('attributes of a project', '/identity/v3/projects', {
        project: { name: '', domain_id: 'default', ...wide(size / 16) },
      }),
    (size) =>
      post('access rules', '/identity/v3/users/x/application_credentials', {
        application_credential: {
          name: 'x',
          access_rules: list(size / 60).map((name) => ({
            service: 'a',
            method: 'GET',
            path: `/${name}`,
          })),
        },
      }),
    (size) =>
      post('DHCP options', '/network/v2.0/ports', {
        port: {
          network_id: facts.networkId,
          extra_dhcp_opts: list(size / 40).map((name) => ({ opt_name: name, opt_value: '' })),
        },
      }),
    (size) =>
      post('a DNS name', '/network/v2.0/ports', {
        port: { network_id: facts.networkId, dns_name: `${'a-'.repeat(size / 2)}!` },
      }),
    (size) =>
      post('many networks', '/network/v2.0/networks', {
        networks: list(size / 16).map((name) => ({ name, mtu: 1 })),
      }),
    (size) =>
      post('prefixes of a pool', '/network/v2.0/subnetpools', {
        subnetpool: {
          name: 'x',
          prefixes: list(size / 20).map(
            (_, index) => `10.${(index >> 8) & 255}.${index & 255}.0/24`,
          ),
        },
      }),
    (size) =>
      post('IPv6 addresses', '/network/v2.0/ports', {
        port: {
          network_id: facts.networkId,
          fixed_ips: list(size / 60).map(() => ({ ip_address: ':'.repeat(30) })),
        },
      }),
    (size) =>
      post(
        'aggregates of placement',
        `/placement/resource_providers/${facts.volumeId}/aggregates`,
        list(size / 10),
        { method: 'PUT', headers: { 'openstack-api-version': 'placement 1.10' } },
      ),
    (size) =>
      post(
        'traits of placement',
        `/placement/resource_providers/${facts.volumeId}/traits`,
        {
          resource_provider_generation: 0,
          traits: list(size / 12).map((name) => `CUSTOM_${name.toUpperCase()}`),
        },
        { method: 'PUT', headers: { 'openstack-api-version': 'placement 1.39' } },
      ),
    (size) =>
      post('deep JSON without a token', '/identity/v3/auth/tokens', Buffer.from('['.repeat(size)), {
        token: '',
      }),
    (size) =>
      post('deep objects', '/compute/v2.1/servers', Buffer.from('{"server":'.repeat(size / 10))),
    (size) =>
      post(
        'a wide list without a token',
        '/identity/v3/auth/tokens',
        Buffer.from(`[${'0,'.repeat(size / 2)}0]`),
        { token: '' },
      ),
    (size) =>
      post(
        'a wide object without a token',
        '/identity/v3/auth/tokens',
        { auth: wide(size / 16) },
        { token: '' },
      ),
    (size) =>
      post(
        'a long password',
        '/identity/v3/auth/tokens',
        {
          auth: {
            identity: {
              methods: ['password'],
              password: {
                user: { name: 'x', domain: { id: 'default' }, password: 'p'.repeat(size) },
              },
            },
          },
        },
        { token: '' },
      ),
    (size) =>
      post(
        'many methods',
        '/identity/v3/auth/tokens',
        { auth: { identity: { methods: list(size / 10) } } },
        { token: '' },
      ),
    (size) =>
      post(
        'keys that repeat',
        '/compute/v2.1/servers',
        Buffer.from(`{${'"server":{},'.repeat(size / 12)}"server":1}`),
      ),
    (size) =>
      post(
        'escapes',
        '/compute/v2.1/servers',
        Buffer.from(`{"server":"${'\\u0041'.repeat(size / 6)}\\ud800"}`),
      ),
    (size) =>
      post(
        'bytes that are no UTF-8',
        '/compute/v2.1/servers',
        Buffer.from(`"${'\xff'.repeat(size)}"`, 'latin1'),
      ),
    (size) =>
      post('a long number', '/compute/v2.1/servers', Buffer.from(`{"server":${'9'.repeat(size)}}`)),
    (size) =>
      post('a compressed body', '/compute/v2.1/servers', gzipSync(Buffer.alloc(size * 100)), {
        headers: { 'content-encoding': 'gzip' },
      }),
    (size) =>
      get('access rules', `/image/${'a'.repeat(Math.min(size, 510))}!`, {
        'x-auth-token': facts.ruledToken,
      }),
    (size) =>
      get(
        'tags in a filter',
        `/compute/v2.1/servers?tags-any=${list(inQuery(size) / 6).join(',')}`,
        newest,
      ),
    (size) =>
      get(
        'tags in a filter of networks',
        `/network/v2.0/networks?not-tags=${list(inQuery(size) / 6).join(',')}`,
      ),
    (size) =>
      get(
        'tags in a filter of images',
        `/image/v2/images?${list(inQuery(size) / 10)
          .map((tag) => `tag=${tag}`)
          .join('&')}`,
      ),
    (size) =>
      get(
        'sort keys of servers',
        `/compute/v2.1/servers?${'sort_key=uuid&'.repeat(inQuery(size) / 14)}`,
      ),
    (size) =>
      get(
        'sort keys of images',
        `/image/v2/images?sort=${'id:asc,'.repeat(inQuery(size) / 7)}id:asc`,
      ),
    (size) =>
      get(
        'sort keys of volumes',
        `/volume/v3/volumes?sort=${'id:asc,'.repeat(inQuery(size) / 7)}id:asc`,
      ),
    (size) =>
      get('a metadata filter', `/volume/v3/volumes?metadata=${`'%5C`.repeat(inQuery(size) / 4)}`),
    (size) =>
      get(
        'times in a filter',
        `/volume/v3/volumes?created_at=${'gt:2026-01-01,'.repeat(inQuery(size) / 14)}`,
        { 'openstack-api-version': 'volume 3.60' },
      ),
    (size) =>
      get('an address as a pattern', `/compute/v2.1/servers?ip=${'('.repeat(inQuery(size))}`),
    (size) =>
      get(
        'a name as a pattern',
        `/compute/v2.1/servers?name=${'(a*)*'.repeat(inQuery(size) / 5)}!`,
      ),
    (size) =>
      get(
        'values of a filter',
        `/network/v2.0/ports?${list(inQuery(size) / 8)
          .map((id) => `id=${id}`)
          .join('&')}`,
      ),
    (size) =>
      get(
        'resources of placement',
        `/placement/allocation_candidates?${list(inQuery(size) / 30)
          .map((_, index) => `resources${index}=VCPU:1`)
          .join('&')}&group_policy=none`,
        { 'openstack-api-version': 'placement 1.39' },
      ),
    (size) =>
      get(
        'members of placement',
        `/placement/resource_providers?${'member_of=in:x,y&'.repeat(inQuery(size) / 17)}`,
        { 'openstack-api-version': 'placement 1.39' },
      ),
    (size) =>
      get('an Accept header', '/placement/resource_providers', {
        accept: 'a/b;q=0.1,'.repeat(inQuery(size) / 10),
      }),
    (size) =>
      get('versions in a header', '/compute/v2.1/servers', {
        'openstack-api-version': 'compute 2.1,'.repeat(inQuery(size) / 12),
      }),
  ];
  return kinds.flatMap((make) => sizes.map((size) => make(size)));
}

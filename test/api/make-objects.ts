// Creates one object of every kind for Alice or her project, each containing the text `hidden`.
import type { Json } from '#contracts/common/json.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { ApiCloud } from './api-cloud.ts';
import { hidden, password } from './api-cloud.ts';
import type { Objects } from './cases/case.ts';
import { volumeObjects } from './cases/cinder.ts';

const publicKey = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINF3oDx3pMpNC1TifUT20cJ656lro/QVyOx0rZaeEyvu ${hidden}`;

export async function makeObjects(cloud: ApiCloud): Promise<Objects> {
  const { alice, admin } = cloud;
  return new Map([
    ...(await identityObjects(cloud)),
    ...(await imageObjects(cloud)),
    ...(await networkObjects(cloud)),
    ...(await computeObjects(cloud)),
    ...(await volumeObjects(cloud)),
    [':tag', 'blue'],
    [':user_id', alice.userId],
    [':project_id', alice.projectId],
    [':target_id', alice.projectId],
    [':actor_id', alice.userId],
    ['admin', admin.userId],
  ]);
}

async function identityObjects({
  alice,
  admin,
  sure,
  token,
}: ApiCloud): Promise<[string, string][]> {
  const at = (path: string): string => `/identity/v3${path}`;
  await sure(admin, 'PUT', at(`/projects/${alice.projectId}/tags/blue`));
  const { application_credential: appCred } = await sure(
    alice,
    'POST',
    at(`/users/${alice.userId}/application_credentials`),
    {
      application_credential: {
        name: hidden,
        description: hidden,
        access_rules: [{ service: 'compute', method: 'GET', path: '/v2.1/servers' }],
      },
    },
  );
  const { credential } = await sure(alice, 'POST', at('/credentials'), {
    credential: { type: 'cert', blob: hidden, user_id: alice.userId, project_id: alice.projectId },
  });
  const { credential: ec2 } = await sure(
    alice,
    'POST',
    at(`/users/${alice.userId}/credentials/OS-EC2`),
    { tenant_id: alice.projectId },
  );
  const { trust } = await sure(alice, 'POST', at('/OS-TRUST/trusts'), {
    trust: {
      trustor_user_id: alice.userId,
      trustee_user_id: admin.userId,
      impersonation: false,
      project_id: alice.projectId,
      roles: [{ name: 'member' }],
    },
  });
  const { services } = await sure(admin, 'GET', at('/services?type=compute'));
  const limited: Json = { service_id: services[0].id, resource_name: 'servers' };
  const {
    registered_limits: [registered],
  } = await sure(admin, 'POST', at('/registered_limits'), {
    registered_limits: [{ ...limited, default_limit: 1 }],
  });
  const {
    limits: [limit],
  } = await sure(admin, 'POST', at('/limits'), {
    limits: [{ ...limited, resource_limit: 1, project_id: alice.projectId, description: hidden }],
  });
  return [
    ['/identity/v3/users/:user_id/application_credentials/:id', appCred.id],
    ['/identity/v3/users/:user_id/access_rules/:id', appCred.access_rules[0].id],
    ['/identity/v3/credentials/:credential_id', credential.id],
    ['/identity/v3/users/:user_id/credentials/OS-EC2/:access', ec2.access],
    [':trust_id', trust.id],
    [':role_id', trust.roles[0].id],
    ['/identity/v3/limits/:limit_id', limit.id],
    ['/identity/v3/registered_limits/:limit_id', registered.id],
    [':domain_id', 'default'],
    [':region_id', 'RegionOne'],
    ['spare token', await token('alice', 'alices-project', password)],
  ];
}

async function imageObjects({ alice, sure, ask }: ApiCloud): Promise<[string, string][]> {
  const { id } = await sure(alice, 'POST', '/image/v2/images', {
    name: hidden,
    disk_format: 'raw',
    container_format: 'bare',
    visibility: 'shared',
    tags: ['blue'],
  });
  await ask(alice, 'PUT', `/image/v2/images/${id}/file`, {
    raw: hidden,
    headers: { 'content-type': 'application/octet-stream' },
  });
  await sure(alice, 'POST', `/image/v2/images/${id}/members`, { member: 'a-friends-project' });
  return [
    ['/image/v2/images/:id', id],
    [':member', 'a-friends-project'],
  ];
}

async function computeObjects(cloud: ApiCloud): Promise<[string, string][]> {
  const { alice, admin, sure, imageId } = cloud;
  const at = (path: string): string => `/compute/v2.1${path}`;
  await sure(alice, 'POST', at('/os-keypairs'), {
    keypair: { name: 'alices', public_key: publicKey },
  });
  const { flavor } = await sure(admin, 'POST', at('/flavors'), {
    flavor: { name: hidden, vcpus: 1, ram: 64, disk: 1, 'os-flavor-access:is_public': false },
  });
  await sure(admin, 'POST', at(`/flavors/${flavor.id}/action`), {
    addTenantAccess: { tenant: alice.projectId },
  });
  await sure(admin, 'POST', at(`/flavors/${flavor.id}/os-extra_specs`), {
    extra_specs: { colour: hidden },
  });
  const { server_group: group } = await sure(alice, 'POST', at('/os-server-groups'), {
    server_group: { name: hidden, policies: ['affinity'] },
  });
  const { network } = await sure(alice, 'POST', '/network/v2.0/networks', {
    network: { name: hidden },
  });
  await sure(alice, 'POST', '/network/v2.0/subnets', {
    subnet: { name: hidden, network_id: network.id, cidr: '10.7.0.0/24', ip_version: 4 },
  });
  const { server } = await sure(
    alice,
    'POST',
    at('/servers'),
    {
      server: {
        name: hidden,
        flavorRef: flavor.id,
        imageRef: imageId,
        networks: [{ uuid: network.id }],
        metadata: { colour: hidden },
        tags: ['blue'],
        description: hidden,
      },
      'os:scheduler_hints': { group: group.id },
    },
    52,
  );
  await eventually(
    async () => (await sure(alice, 'GET', at(`/servers/${server.id}`))).server.status === 'ACTIVE',
    { withinMs: 20_000, what: 'the server is ACTIVE' },
  );
  const {
    interfaceAttachments: [nic],
  } = await sure(alice, 'GET', at(`/servers/${server.id}/os-interface`));
  const { security_groups: groups } = await sure(alice, 'GET', at('/os-security-groups'));
  const defaultGroup = groups.find(({ name }: { name: string }) => name === 'default');
  const { id: image } = await sure(alice, 'POST', '/image/v2/images', {
    name: hidden,
    colour: hidden,
    disk_format: 'raw',
    container_format: 'bare',
  });
  const { floating_ip: floatingIp } = await sure(alice, 'POST', at('/os-floating-ips'), {});
  const {
    volumes: [volume, origin],
    snapshot,
  } = await oldVolumeObjects(cloud);
  const {
    instanceActions: [created],
  } = await sure(alice, 'GET', at(`/servers/${server.id}/os-instance-actions`));
  return [
    ['/compute/v2.1/servers/:id', server.id],
    ['/compute/v2.1/flavors/:id', flavor.id],
    ['/compute/v2.1/images/:id', image],
    ['/compute/v2.1/os-floating-ips/:id', floatingIp.id],
    ['/compute/v2.1/os-networks/:id', network.id],
    ['/compute/v2.1/os-tenant-networks/:id', network.id],
    ['/compute/v2.1/os-volumes/:id', volume ?? ''],
    ['volume with a snapshot', origin ?? ''],
    ['/compute/v2.1/os-snapshots/:id', snapshot],
    [':key', 'colour'],
    [':request', created.request_id],
    [':network', hidden],
    ['/compute/v2.1/servers/:id/os-interface/:port', nic.port_id],
    ['own network', network.id],
    [':group', defaultGroup.id],
    ['/compute/v2.1/os-server-groups/:id', group.id],
    ['/compute/v2.1/os-keypairs/:name', 'alices'],
    ['/compute/v2.1/os-quota-sets/:id', alice.projectId],
    ['/compute/v2.1/os-simple-tenant-usage/:id', alice.projectId],
  ];
}

/** Creates, through Nova's volume proxy API, a volume, and another one with a snapshot. */
async function oldVolumeObjects({
  alice,
  sure,
}: ApiCloud): Promise<{ volumes: string[]; snapshot: string }> {
  const at = (kind: string, id = ''): string => `/compute/v2.1/os-${kind}s${id && `/${id}`}`;
  const available = async (kind: string, id: string): Promise<string> => {
    await eventually(
      async () => (await sure(alice, 'GET', at(kind, id)))[kind].status === 'available',
      { withinMs: 20_000, what: `the ${kind} is made` },
    );
    return id;
  };
  const facts = { display_name: hidden, display_description: hidden };
  const volumes: string[] = [];
  for (let count = 0; count < 2; count += 1)
    volumes.push(
      await available(
        'volume',
        (
          await sure(alice, 'POST', at('volume'), {
            volume: { ...facts, size: '1', metadata: { colour: hidden } },
          })
        ).volume.id,
      ),
    );
  const { snapshot } = await sure(alice, 'POST', at('snapshot'), {
    snapshot: { ...facts, volume_id: volumes[1] ?? '' },
  });
  return { volumes, snapshot: await available('snapshot', snapshot.id) };
}

async function networkObjects({ alice, admin, sure }: ApiCloud): Promise<[string, string][]> {
  const at = (path: string): string => `/network/v2.0${path}`;
  const {
    networks: [external],
  } = await sure(admin, 'GET', at('/networks?router:external=true'));
  const named = { name: hidden, description: hidden };
  const { network } = await sure(alice, 'POST', at('/networks'), { network: named });
  const subnetOf = async (cidr: string): Promise<string> =>
    (
      await sure(alice, 'POST', at('/subnets'), {
        subnet: { ...named, network_id: network.id, cidr, ip_version: 4 },
      })
    ).subnet.id;
  const [subnet, spare] = [await subnetOf('10.8.0.0/24'), await subnetOf('10.9.0.0/24')];
  const { port } = await sure(alice, 'POST', at('/ports'), {
    port: { ...named, network_id: network.id },
  });
  const { router } = await sure(alice, 'POST', at('/routers'), {
    router: { ...named, external_gateway_info: { network_id: external.id } },
  });
  const { floatingip } = await sure(alice, 'POST', at('/floatingips'), {
    floatingip: { floating_network_id: external.id, description: hidden },
  });
  const { subnetpool } = await sure(alice, 'POST', at('/subnetpools'), {
    subnetpool: { ...named, prefixes: ['10.64.0.0/16'] },
  });
  const { security_group: group } = await sure(alice, 'POST', at('/security-groups'), {
    security_group: named,
  });
  const { security_group_rule: rule } = await sure(alice, 'POST', at('/security-group-rules'), {
    security_group_rule: { security_group_id: group.id, direction: 'ingress', description: hidden },
  });
  return [
    [at('/networks/:network_id'), network.id],
    [at('/subnets/:subnet_id'), subnet],
    ['spare subnet', spare],
    [at('/ports/:port_id'), port.id],
    [at('/routers/:router_id'), router.id],
    [at('/floatingips/:floatingip_id'), floatingip.id],
    [at('/subnetpools/:subnetpool_id'), subnetpool.id],
    [at('/security-groups/:security_group_id'), group.id],
    [at('/security-group-rules/:security_group_rule_id'), rule.id],
  ];
}

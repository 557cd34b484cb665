// Creates what a fresh cloud starts with. Idempotent: existing objects stay as they are.
import { catalogOf, serviceUsers } from './catalog.ts';
import type { CloudProcess } from './process.ts';
import { seedCinder } from './roles/cinder.ts';
import { keystoneApi } from './roles/keystone.ts';
import { seedNeutron } from './roles/neutron.ts';
import { seedNova } from './roles/nova.ts';

/**
 * Creates users, roles and catalog, flavors, networks, volume types. To be called after the
 * migrations.
 */
export async function seedCloud(process: CloudProcess): Promise<void> {
  const { secrets, config, origin } = process;
  const keystone = await keystoneApi(process);
  await keystone.seed({
    region: config.api.region,
    adminPassword: secrets.admin,
    demoPassword: secrets.demo,
    serviceUsers: serviceUsers.map((name) => ({ name, password: secrets.service(name) })),
    catalog: catalogOf(origin, { ha: config.ha.enabled }),
  });
  await seedNova(process);
  await seedNeutron(process);
  await seedCinder(process);
}

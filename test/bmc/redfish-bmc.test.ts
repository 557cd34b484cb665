// Our Redfish driver against the emulated BMC: the port's contract suite with both power timings,
// both kinds of authentication, and each vendor's profile.
import { bmcContract } from '#ports/bmc.testing.ts';
import { bmcFixture } from './emulated-bmc.testing.ts';

bmcContract('redfish, carried out at once', async () => await bmcFixture({}));
bmcContract(
  'redfish, by tasks and without sessions',
  async () =>
    await bmcFixture(
      { timing: 'task', orderMs: 50 },
      { authentication: 'basic' },
      { kind: 'silent' },
    ),
);
for (const vendor of ['Dell', 'HPE', 'Lenovo', 'Supermicro', 'SupermicroX10'] as const)
  bmcContract(
    `redfish, ${vendor}`,
    async () => await bmcFixture({ vendor, timing: 'task', orderMs: 20 }, {}, { kind: 'dead' }),
  );

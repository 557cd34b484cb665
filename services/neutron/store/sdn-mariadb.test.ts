// Each query of the sdn-* stores once on a real MariaDB.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { mariadbMissing, withMariadb } from '#platform/db/mariadb.testing.ts';
import { NeutronWorld } from '../ovn/neutron-tables.testing.ts';
import { noteAgent } from './sdn-agents.ts';
import {
  allSubjects,
  countChanges,
  forgetChanges,
  gatewayRouters,
  readChanges,
  withDependents,
  withParents,
} from './sdn-changes.ts';
import { readFacts } from './sdn-facts.ts';
import { readActivePorts, readPortsInUse, setStatuses } from './sdn-status.ts';

it(
  'the stores of the SDN side speak MariaDB',
  { skip: await mariadbMissing() },
  async () =>
    await withMariadb(async (mariadb) => {
      const world = await NeutronWorld.open(await mariadb.createDatabase());
      const { db } = world.database;
      const [net, outside] = [
        await world.network(),
        await world.network({
          network_type: 'vlan',
          physical_network: 'physnet1',
          segmentation_id: 7,
          external: 1,
        }),
      ];
      const [subnet, publicSubnet] = [
        await world.subnet(net, '10.0.0.0/24'),
        await world.subnet(outside, '192.0.2.0/24'),
      ];
      const group = await world.group([
        { protocol: 'tcp', port_range_min: 80, port_range_max: 80 },
      ]);
      const metadataPort = await world.metadataPort(net, subnet, '10.0.0.2');
      const port = await world.port(
        net,
        [[subnet, '10.0.0.5']],
        { device_owner: 'compute:nova', device_id: 'server', binding_host_id: 'h1' },
        [group],
      );
      const router = await world.router(
        [[net, subnet, '10.0.0.1']],
        [outside, publicSubnet, '192.0.2.9'],
      );
      const floatingIp = await world.floatingIp(
        [outside, publicSubnet, '192.0.2.50'],
        router,
        port,
        '10.0.0.5',
      );

      const entries = await readChanges(db, 100);
      assert.equal(await countChanges(db), entries.length);
      await forgetChanges(
        db,
        entries.slice(1).map(({ seq }) => seq),
      );
      assert.equal(await countChanges(db), 1);

      const all = await allSubjects(db);
      const facts = await readFacts(db, all);
      assert.deepEqual(
        [
          facts.networks.length,
          facts.subnets.length,
          facts.ports.length,
          facts.groups[0]?.rules.length,
        ],
        [2, 2, 5, 1],
      );
      assert.equal(facts.subnets.find(({ id }) => id === subnet.id)?.metadataIp, '10.0.0.2');
      assert.deepEqual(
        [facts.routers[0]?.interfaces.length, facts.routers[0]?.gateway?.network.physical],
        [1, { network: 'physnet1', vlan: 7 }],
      );
      assert.deepEqual(facts.floatingIps[0]?.target, {
        routerId: router.id,
        portId: port.id,
        ip: '10.0.0.5',
        host: 'h1',
        serverId: 'server',
      });

      const ofDoor = await withDependents(db, [
        { kind: 'port', id: metadataPort.id },
        { kind: 'network', id: outside.id },
      ]);
      assert.deepEqual(
        [[...ofDoor.subnet].toSorted(), [...ofDoor.router]],
        [[subnet.id, publicSubnet.id].toSorted(), [router.id]],
      );
      const ofPort = await withDependents(db, [{ kind: 'port', id: port.id }]);
      assert.deepEqual([...ofPort.floating_ip], [floatingIp]);
      const withAll = await withParents(db, ofPort);
      assert.deepEqual(
        [[...withAll.network], [...withAll.security_group], [...withAll.router]],
        [[net.id], [group], [router.id]],
      );
      assert.deepEqual(await gatewayRouters(db), [{ kind: 'router', id: router.id }]);

      await setStatuses(db, 'ports', [port.id], 'ACTIVE', 5);
      await setStatuses(db, 'ports', [port.id], 'ACTIVE', 6);
      await setStatuses(db, 'floating_ips', [floatingIp], 'ACTIVE', 5);
      assert.deepEqual(
        (await readActivePorts(db)).map(({ id }) => id),
        [port.id],
      );
      assert.equal(
        (await readPortsInUse(db, [port.id]))[0]?.updated_at_ms,
        5,
        'one that is so already is left alone',
      );
      for (const nowMs of [1, 2])
        await noteAgent(
          db,
          {
            type: 'OVN Metadata agent',
            binary: 'neutron-ovn-metadata-agent',
            host: 'h1',
            zone: '',
            configurations: {},
            startedAtMs: 1,
          },
          nowMs,
        );
      assert.deepEqual(
        await db
          .selectFrom('agents')
          .select(['host', 'heartbeat_at_ms', 'created_at_ms'])
          .execute(),
        [{ host: 'h1', heartbeat_at_ms: 2, created_at_ms: 1 }],
      );
      await world.close();
    }),
);

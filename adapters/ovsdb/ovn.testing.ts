// A complete OVN without hosts for tests: both databases, a real northd, chassis by name, and
// ovn-trace to see what happens to a packet.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isFault } from '#contracts/common/fault.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { whatIsMissing } from '#platform/testing/real-daemon.ts';
import type { Sdn, SdnListeners } from '#ports/sdn.ts';
import { OvsdbClient } from './client.ts';
import { startNorthd, whyNoNorthd } from './northd.testing.ts';
import { operationsOf } from './operations.ts';
import { createOvnSdn } from './ovn-sdn.ts';
import { startPrivateOvsdb, whyNoOvsdb, type PrivateOvsdb } from './ovsdb-server.testing.ts';
import { southbound } from './southbound.gen.ts';

const run = promisify(execFile);
const sb = operationsOf(southbound);
const traceProgram = '/usr/bin/ovn-trace';

/** Why OVN cannot run here; null: it can. */
export async function whyNoOvn(): Promise<string | null> {
  return (await whyNoOvsdb()) ?? (await whyNoNorthd()) ?? (await whatIsMissing([traceProgram]));
}

export interface PrivateOvn {
  north: PrivateOvsdb;
  south: PrivateOvsdb;
  open(listeners?: SdnListeners): Sdn;
  /** Registers a host, as its ovn-controller would. */
  addChassis(name: string, bridgeMappings: string): Promise<void>;
  /** Answers all pending `askChassis`, as the host's ovn-controller would. */
  answer(name: string): Promise<void>;
  /** Binds the port to this host, or (null) unbinds it, as ovn-controller would. */
  plug(port: string, chassis: string | null): Promise<void>;
  /** Resolves when northd has processed everything that `sdn` wrote. */
  settled(sdn: Sdn): Promise<void>;
  /**
   * The fate of a flow's first packet in ovn-trace's short form: `output("port")`; empty if it is
   * dropped.
   */
  trace(logicalSwitch: string, microflow: string): Promise<string>;
  /** Actions of the logical flows whose text contains `word`. */
  flowActions(word: string): Promise<string[]>;
  close(): Promise<void>;
}

export async function startPrivateOvn(): Promise<PrivateOvn> {
  const [north, south] = await Promise.all([
    startPrivateOvsdb(),
    startPrivateOvsdb({ schema: 'ovn-sb' }),
  ]);
  const northd = await startNorthd(north.unix, south.unix);
  const controller = new OvsdbClient(
    { remotes: [south.unix], schema: southbound },
    { log: silentLog },
  );
  const chassisUuid = async (name: string): Promise<string> => {
    const [
      {
        rows: [row],
      },
    ] = await controller.transact([sb.select('Chassis', [['name', '==', name]], ['name'])]);
    if (!row) throw new Error(`no chassis ${name}`);
    return row._uuid;
  };
  const generation = async (): Promise<number> =>
    (await controller.transact([sb.select('SB_Global', [], ['nb_cfg'])]))[0].rows[0]?.nb_cfg ?? 0;
  return {
    north,
    south,
    open: (listeners) =>
      createOvnSdn(
        { northbound: [north.unix], southbound: [south.unix], strays: 'remove' },
        { log: silentLog },
        listeners,
      ),
    async addChassis(name, bridgeMappings) {
      const octet = 10 + Number(name.replace(/\D/g, ''));
      await controller.transact([
        sb.insert(
          'Encap',
          { type: 'geneve', ip: `172.31.0.${octet}`, chassis_name: name },
          { uuidName: 'e' },
        ),
        sb.insert('Chassis', {
          name,
          hostname: name,
          encaps: [{ named: 'e' }],
          other_config: { 'ovn-bridge-mappings': bridgeMappings },
        }),
        sb.insert('Chassis_Private', { name }),
      ]);
    },
    answer: async (name) =>
      void (await controller.transact([
        sb.update('Chassis_Private', [['name', '==', name]], { nb_cfg: await generation() }),
      ])),
    async plug(port, chassis) {
      await eventually(
        async () =>
          (
            await controller.transact([
              sb.update(
                'Port_Binding',
                [['logical_port', '==', port]],
                chassis === null
                  ? { chassis: null, up: false }
                  : { chassis: await chassisUuid(chassis), up: true },
              ),
            ])
          )[0].count === 1,
        { withinMs: 10_000, what: `northd makes the binding of ${port}` },
      );
    },
    async settled(sdn) {
      const requestedGeneration = await sdn.askChassis();
      if (isFault(requestedGeneration)) throw new Error(requestedGeneration.message);
      await eventually(async () => (await generation()) >= requestedGeneration, {
        withinMs: 15_000,
        what: 'northd takes what was written',
      });
    },
    async trace(logicalSwitch, microflow) {
      const { stdout } = await run(
        traceProgram,
        [
          `--db=${south.unix}`,
          '--minimal',
          ...Array<string>(8).fill('--ct=new'),
          logicalSwitch,
          microflow,
        ],
        { timeout: 20_000 },
      );
      return stdout;
    },
    flowActions: async (word) =>
      (await controller.transact([sb.select('Logical_Flow', [], ['actions'])]))[0].rows
        .map(({ actions }) => actions)
        .filter((actions) => actions.includes(word)),
    async close() {
      controller.close();
      await northd.close();
      await Promise.all([north.close(), south.close()]);
    },
  };
}

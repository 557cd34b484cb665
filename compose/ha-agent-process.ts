// The process of one host's HA Agent: started by the host's init, within the host, with the path of
// its settings. It ends when the settings change, and is restarted with the new ones.
import { readFile } from 'node:fs/promises';
import { createGuestList } from '#adapters/libvirt/list-guests.ts';
import { createNfsStorageMarks } from '#adapters/nfs/nfs-storage-marks.ts';
import { createTlsProbe } from '#adapters/peer-probe/tls-probe.ts';
import { createFileWatchdog } from '#adapters/watchdog/file-watchdog.ts';
import { reportTimeoutMs } from '#agents/ha-agent/deps.ts';
import { createHaAgent } from '#agents/ha-agent/ha-agent.ts';
import { isFault } from '#contracts/common/fault.ts';
import { haAgentReportsClient } from '#openstack/clients/ha.ts';
import { createSocketClient } from '#openstack/http/client.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { createLog, Secret } from '#platform/log.ts';
import { startTimeOf } from '#platform/process-start-time.ts';
import { createTaskRunner } from '#platform/tasks/tasks.ts';
import type { HaAgentSettings } from './local-ha-agent.ts';

const [file = ''] = process.argv.slice(2);
const pollEveryMs = 1_000;
const clock = systemClock;

const text = await readFile(file, 'utf8');
const settings = JSON.parse(text) as HaAgentSettings; // written by local-ha-agent.ts
const { host, address } = settings;
const log = createLog({ level: 'info' }).child({ component: 'ha-agent', host });
const agent = createHaAgent({
  hypervisor: createGuestList({ socketPath: settings.libvirtSocket }, { log }),
  probe: createTlsProbe(clock),
  marks: createNfsStorageMarks(settings.share),
  watchdog: createFileWatchdog(settings.watchdogFile, clock),
  service: haAgentReportsClient(createSocketClient({ ha: settings.service }, clock), {
    secret: new Secret(settings.secret),
    timeoutMs: reportTimeoutMs,
  }),
  clock,
  log,
  config: {
    host,
    bootId: (await readFile(settings.bootFile, 'utf8')).trim(),
    address,
    selfFencingMs: settings.selfFencingMs,
    uptimeMs: async () => await uptimeMs(1),
  },
});
const tasks = createTaskRunner({ clock, ids: systemIds, log });
const started = await agent.start();
if (isFault(started)) {
  log.error({ why: started.message }, 'the HA Agent cannot start; it is tried again');
  process.exit(1);
}
tasks.start(agent.tasks);
log.info({ startedInMs: Math.round(clock.monotonicMs()) }, 'the HA Agent runs');
while ((await readFile(file, 'utf8').catch(() => '')) === text) await clock.sleep(pollEveryMs);
log.info({}, 'the settings of the HA Agent have changed: it ends');
process.exit(0);

/** Time since the process started, ms; null if it has ended. proc_pid_stat(5), proc_uptime(5). */
async function uptimeMs(pid: number): Promise<number | null> {
  const ticksPerS = 100; // USER_HZ, on every Linux architecture with KVM
  const ticks = await startTimeOf(pid);
  if (ticks === null) return null;
  const machineS = Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]);
  return Math.max(0, machineS * 1_000 - (Number(ticks) * 1_000) / ticksPerS);
}

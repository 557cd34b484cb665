// A process for sweep-tests.test.ts, which kills it: owns a folder below its first argument, with a
// real network (if the second argument is `network`) and a running command in it, and prints both.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { isFault } from '#contracts/common/fault.ts';
import { createLocalNetwork } from '#hosts/local/local-network.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { ownedFolder } from '#platform/testing/owned-folder.ts';

const [place = '', network] = process.argv.slice(2);
const folder = ownedFolder(join(place, 'cc-'));
if (network === 'network') {
  const deps = { stateDir: folder, log: silentLog, clock: systemClock };
  const facts = await createLocalNetwork(deps).start({ publicCidr: null });
  if (isFault(facts)) throw new Error(facts.message);
}
const forever = 'setInterval(() => undefined, 1e6)';
const command = spawn(process.execPath, ['-e', forever, '--', '--home', join(folder, 'home')], {
  detached: true,
  stdio: 'ignore',
});
process.stdout.write(`${JSON.stringify({ folder, pid: process.pid, commandPid: command.pid })}\n`);
setInterval(() => undefined, 1e6);

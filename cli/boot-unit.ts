// The systemd unit that starts a cloud when the machine boots: created by `up --boot`, removed by
// `down --purge`.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool as runQuietly } from '#hosts/local/run-tool.ts';
import { repository } from './run-tool.ts';
import { UserError } from './user-error.ts';

export interface BootUnitDeps {
  /** Folder of the administrator's units, /etc/systemd/system. */
  unitDir: string;
  /** Exists while systemd is PID 1: sd_booted(3). */
  bootedMarker: string;
  systemctl(...words: string[]): Promise<void>;
}

const realDeps: BootUnitDeps = {
  unitDir: '/etc/systemd/system',
  bootedMarker: '/run/systemd/system',
  systemctl: async (...words) =>
    void (await runQuietly('systemctl', words, { timeoutMs: 120_000 })),
};

const defaultHome = '/var/lib/cobaltcore';

/** The unit's name; each state folder has its own. */
export const unitName = (dir: string): string =>
  dir === defaultHome
    ? 'cobaltcore.service'
    : `cobaltcore-${createHash('sha256').update(dir).digest('hex').slice(0, 8)}.service`;

/**
 * The unit's text. `KillMode=process`: hosts and guests survive a restart of the control plane.
 * Source: systemd.kill(5), systemd.service(5).
 */
export const unitText = (
  dir: string,
): string => `# Made by cobalt up --boot; cobalt down --purge removes it.
[Unit]
Description=CobaltCore cloud in ${dir}
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=${quote(join(repository, 'cobalt'))} up --yes --home ${quote(dir)}
KillMode=process
Restart=on-failure
RestartSec=1
TimeoutStopSec=60

[Install]
WantedBy=multi-user.target
`;

/**
 * Quotes a word for a unit, systemd.syntax(7): quotes and backslashes are escaped; `%` would start
 * a specifier, `$` a variable.
 */
const quote = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;

/**
 * Checks that a unit can be installed: throws a UserError if systemd does not run on this machine,
 * or cannot be used.
 */
export function checkSystemd({ bootedMarker }: BootUnitDeps = realDeps): void {
  if (!existsSync(bootedMarker))
    throw new UserError(
      '--boot needs systemd, which does not run on this machine. Start the cloud by `cobalt up --detach` from whatever starts things here.',
    );
  if (process.getuid?.() !== 0)
    throw new UserError('--boot needs root: it installs a systemd unit. Run it with sudo.');
}

/** Installs the unit and starts it; calls `say` before each action. Safe to repeat. */
export async function installBootUnit(
  dir: string,
  say: (text: string) => void,
  deps: BootUnitDeps = realDeps,
): Promise<void> {
  const [path, text] = [join(deps.unitDir, unitName(dir)), unitText(dir)];
  say(`installing ${path}:\n\n${text.replace(/^/gm, '    ').trimEnd()}\n\n`);
  await writeFile(path, text, { mode: 0o644 });
  await deps.systemctl('daemon-reload');
  await deps.systemctl('enable', '--now', unitName(dir));
}

/** Removes the unit; returns whether there was one. */
export async function removeBootUnit(dir: string, deps: BootUnitDeps = realDeps): Promise<boolean> {
  const path = join(deps.unitDir, unitName(dir));
  const text = await readFile(path, 'utf8').catch(() => '');
  if (!text.startsWith('# Made by cobalt')) return false;
  if (existsSync(deps.bootedMarker)) await deps.systemctl('disable', unitName(dir));
  await rm(path);
  if (existsSync(deps.bootedMarker)) await deps.systemctl('daemon-reload');
  return true;
}

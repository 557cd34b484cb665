// The systemd unit on a simulated systemd: which file is written, and in which order systemctl is
// called. Where systemd-analyze is installed, it checks the unit itself.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { BootUnitDeps } from './boot-unit.ts';
import { checkSystemd, installBootUnit, removeBootUnit, unitName, unitText } from './boot-unit.ts';
import { UserError } from './user-error.ts';

const dir = mkdtempSync('/tmp/cc-boot-');
after(() => rmSync(dir, { recursive: true }));
const calls: string[] = [];
const deps: BootUnitDeps = {
  unitDir: dir,
  bootedMarker: join(dir, 'booted'),
  systemctl: async (...words) => void calls.push(words.join(' ')),
};

describe('the unit that starts a cloud with its machine', () => {
  it('is refused where systemd does not run, with another way', () => {
    assert.throws(
      () => checkSystemd(deps),
      (error) =>
        error instanceof UserError && /needs systemd.*cobalt up --detach/.test(error.message),
    );
  });

  it('is shown first, then installed, enabled and started; twice is once', async () => {
    mkdirSync(deps.bootedMarker);
    const messages: string[] = [];
    for (let time = 0; time < 2; time += 1)
      await installBootUnit('/srv/cloud', (text) => void messages.push(text), deps);
    const name = unitName('/srv/cloud');
    assert.match(name, /^cobaltcore-[0-9a-f]{8}\.service$/);
    assert.equal(unitName('/var/lib/cobaltcore'), 'cobaltcore.service');
    assert.equal(readFileSync(join(dir, name), 'utf8'), unitText('/srv/cloud'));
    assert.match(messages[0] ?? '', /ExecStart=".*\/cobalt" up --yes --home "\/srv\/cloud"/);
    assert.deepEqual(calls.splice(0), [
      'daemon-reload',
      `enable --now ${name}`,
      'daemon-reload',
      `enable --now ${name}`,
    ]);
  });

  it('is removed, once; a unit of somebody else with that name stays', async () => {
    assert.equal(await removeBootUnit('/srv/cloud', deps), true);
    assert.deepEqual(calls.splice(0), [`disable ${unitName('/srv/cloud')}`, 'daemon-reload']);
    assert.equal(existsSync(join(dir, unitName('/srv/cloud'))), false);
    assert.equal(await removeBootUnit('/srv/cloud', deps), false);
    writeFileSync(join(dir, unitName('/srv/cloud')), '[Unit]\n');
    assert.equal(await removeBootUnit('/srv/cloud', deps), false);
  });

  it('quotes what systemd would take for a specifier, a variable or a second word', () => {
    assert.match(unitText('/srv/a b%h$HOME"'), /--home "\/srv\/a b%%h\$\$HOME\\""/);
  });

  it(
    'is understood by systemd',
    { skip: existsSync('/usr/bin/systemd-analyze') ? false : 'needs systemd-analyze' },
    () => {
      const file = join(dir, 'verify.service');
      writeFileSync(
        file,
        unitText('/srv/cloud').replace(/^ExecStart="[^"]*"/m, 'ExecStart="/bin/true"'),
      );
      execFileSync('systemd-analyze', ['verify', file], { stdio: 'pipe' });
    },
  );
});

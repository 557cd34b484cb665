// The completion scripts are run by the real shells.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { bashCompletion, zshCompletion } from './completion.ts';
import { createProgram } from './program.ts';

const program = await createProgram('all');

/** What bash offers for this line with the cursor at its end. */
function offered(line: string): string[] {
  const words = line.split(' ');
  const script = `${bashCompletion(program)}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _cobalt; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8', cwd: '/' })
    .trim()
    .split('\n')
    .filter(Boolean);
}

describe('completion', () => {
  it('offers commands, their subcommands, options and values', () => {
    assert.deepEqual(offered('cobalt re'), ['restart', 'rebalance']);
    assert.ok(offered('cobalt ').includes('up'));
    assert.deepEqual(offered('cobalt host st'), ['stop', 'start']);
    assert.deepEqual(offered('cobalt up --de'), ['--detach']);
    assert.deepEqual(offered('cobalt up --acceleration '), ['auto', 'kvm', 'tcg']);
    assert.deepEqual(offered('cobalt up --home /bo'), ['/boot']);
    assert.deepEqual(offered('cobalt host stop --n'), ['--now']);
    assert.deepEqual(offered('cobalt completion --h'), ['--help']);
  });

  it('is understood by zsh', { skip: existsSync('/usr/bin/zsh') ? false : 'needs zsh' }, () => {
    execFileSync('zsh', ['-f', '-n', '-c', zshCompletion(program)]);
  });
});

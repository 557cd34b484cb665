import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repository } from '#cli/run-tool.ts';
import { UserError } from '#cli/user-error.ts';
import { benchAgainst } from './against.ts';

const options = { what: 'control', rounds: 1, say: () => undefined };
const skip = existsSync(join(repository, '.git')) ? false : 'a copy without its history';

test(
  'a commit that is not there is named in one line, and so is an option of git',
  { skip },
  async () => {
    for (const ref of ['no-such-branch', '--help', ''])
      await assert.rejects(
        benchAgainst({ ...options, ref, signal: new AbortController().signal }),
        (error) => error instanceof UserError && error.message.includes('no such commit'),
      );
  },
);

for (const [what, announced] of [
  ['control', 'starting a cloud'],
  ['boot', 'round 1'],
] as const)
  test(`an interruption of ${what} leaves no worktree`, { skip }, async () => {
    const worktrees = (): string =>
      execFileSync('git', ['worktree', 'list', '--porcelain'], { cwd: repository }).toString();
    const interruption = new AbortController();
    let checkedOut = '';
    const say = (text: string): void => {
      if (text.startsWith(announced)) {
        checkedOut = worktrees();
        interruption.abort();
      }
    };
    await assert.rejects(
      benchAgainst({ ...options, what, say, ref: 'HEAD', signal: interruption.signal }),
      { name: 'AbortError' },
    );
    const own = /^worktree (.*\/cb-\w{6})\/t$/m.exec(checkedOut)?.[1] ?? '';
    assert.notEqual(own, '', 'it was there before');
    assert.ok(!worktrees().includes(own));
    assert.ok(!existsSync(own), 'nor its folder');
  });

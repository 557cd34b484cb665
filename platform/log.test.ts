// A secret is never printed: not in logs, JSON, inspection or string conversion.
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { describe, it } from 'node:test';
import { format, inspect } from 'node:util';
import type { Log } from './log.ts';
import { createLog, fileLines, readableLines, Secret } from './log.ts';

const value = 'hunter2-very-secret';

function logged(write: (log: Log) => void): { lines: Record<string, unknown>[]; text: string } {
  let text = '';
  write(
    createLog({ level: 'debug', destination: { write: (line: string) => void (text += line) } }),
  );
  return {
    text,
    lines: text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

describe('a Secret', () => {
  const secret = new Secret(value);
  it('tells only who asks for it', () => assert.equal(secret.reveal(), value));
  it('is never printed', () => {
    const { text } = logged((log) => {
      log.info(
        {
          secret,
          deep: { list: [secret] },
          err: new Error(`with ${String(secret)}`, { cause: secret }),
        },
        `said ${String(secret)}`,
      );
      log.child({ secret }).warn({}, 'by a child');
    });
    for (const shown of [
      text,
      JSON.stringify({ secret }),
      inspect({ a: [secret] }, { depth: 9, showHidden: true }),
      format('%s %o %j', secret, secret, secret),
      `${String(secret)}`,
      Object.values(Object.assign({}, secret)).join(),
    ]) {
      assert.ok(!shown.includes(value), shown);
    }
    assert.match(text, /\*\*\*/);
  });
});

describe('the log', () => {
  it('hides fields that hold credentials, on top and one below', () => {
    const names =
      'password adminPass secret token x-auth-token x-subject-token private_key user_data'.split(
        ' ',
      );
    const { text } = logged((log) => {
      for (const name of names) {
        log.info({ [name]: value }, 'on top');
        log.info({ headers: { [name]: value } }, 'one below');
      }
    });
    assert.ok(!text.includes(value), text);
    assert.equal(text.match(/\*\*\*/g)?.length, names.length * 2);
  });

  it('writes one JSON object a line, with level, time and the facts of its component', () => {
    const {
      lines: [line],
    } = logged((log) => log.child({ component: 'nova' }).info({ server: 's1' }, 'server built'));
    assert.equal(line?.['level'], 'info');
    assert.equal(line?.['component'], 'nova');
    assert.equal(line?.['server'], 's1');
    assert.equal(line?.['msg'], 'server built');
    assert.ok(!Number.isNaN(Date.parse(String(line?.['time']))));
  });

  it('keeps the cause chain of an error', () => {
    const { text } = logged((log) =>
      log.error(
        { err: new Error('define domain', { cause: new Error('no such pool') }) },
        'failed',
      ),
    );
    assert.match(text, /define domain/);
    assert.match(text, /no such pool/);
  });

  it('can be read by people', () => {
    let text = '';
    createLog({ level: 'info', destination: readableLines((line) => void (text += line), false) })
      .child({ component: 'nova' })
      .info({ host: 'h1', count: 2 }, 'server built');
    assert.match(text, /^\d\d:\d\d:\d\d info {2}nova +server built {2}host=h1 count=2\n$/);
  });
});

describe('lines of a log file', () => {
  it('that cannot be written are lost without an error, as on a full disk', () => {
    const full = openSync('/dev/full', 'w');
    const write = fileLines(full);
    for (let line = 0; line < 3; line += 1) write(`line ${line}\n`);
    closeSync(full);
  });

  it('are counted where they were lost, as soon as writing works again', () => {
    const dir = mkdtempSync('/tmp/cc-log-');
    const file = openSync(`${dir}/log`, 'a');
    let hasSpace = false;
    const write = fileLines(file, (fd, text) => {
      if (!hasSpace) throw new Error('ENOSPC: no space left on device, write');
      writeSync(fd, text);
    });
    write('lost\n');
    write('lost\n');
    hasSpace = true;
    write('kept\n');
    closeSync(file);
    assert.equal(
      readFileSync(`${dir}/log`, 'utf8'),
      '2 lines are missing here: the log could not be written\nkept\n',
    );
    rmSync(dir, { recursive: true });
  });
});

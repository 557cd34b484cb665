// For tests: one guest under plain QEMU, with its console, monitor (QMP) and guest agent. The guest
// ends with the test.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { bound } from '#platform/child-process.ts';
import { eventually } from '#platform/testing/eventually.ts';

export interface TestGuest {
  console(): string;
  /**
   * Waits until the console matches: takes three seconds on an idle machine, more on a busy one.
   */
  consoleShows(pattern: RegExp): Promise<void>;
  /** Runs one QMP command. */
  monitor(command: string, args?: object): Promise<void>;
  powerButton(): Promise<void>;
  agent(command: string, args?: object): Promise<unknown>;
  /** Resolves with QEMU's exit code. */
  ended: Promise<number | null>;
  stop(): Promise<void>;
}

const bootTimeoutMs = 90_000;

export function startGuest(qemuArgs: readonly string[]): TestGuest {
  const dir = mkdtempSync('/tmp/cc-guest-');
  const log = join(dir, 'console.log');
  const args = [
    '-accel',
    'tcg',
    '-machine',
    'pc',
    '-cpu',
    'qemu64',
    '-m',
    '128',
    '-nodefaults',
    '-display',
    'none',
    '-vga',
    'std',
    '-serial',
    `file:${log}`,
    '-qmp',
    `unix:${join(dir, 'qmp')},server=on,wait=off`,
    '-device',
    'virtio-serial',
    '-chardev',
    `socket,id=agent,path=${join(dir, 'agent')},server=on,wait=off`,
    '-device',
    'virtserialport,chardev=agent,name=org.qemu.guest_agent.0',
    ...qemuArgs,
  ];
  const [command = '', ...words] = bound(['/usr/bin/qemu-system-x86_64', ...args]);
  const qemu: ChildProcess = spawn(command, words, {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exit = new Promise<number | null>((resolve) => qemu.on('exit', resolve));
  const console = (): string => {
    try {
      return readFileSync(log, 'utf8');
    } catch {
      return ''; // QEMU has not created the file yet
    }
  };
  const monitor = async (command: string, args: object = {}): Promise<void> => {
    await ask(join(dir, 'qmp'), [
      { execute: 'qmp_capabilities' },
      { execute: command, arguments: args },
    ]);
  };
  return {
    console,
    async consoleShows(pattern) {
      await eventually(() => pattern.test(console()), {
        withinMs: bootTimeoutMs,
        what: `${pattern} on the console`,
        everyMs: 50,
      }).catch((cause) => {
        throw new Error(`the console holds only:\n${console()}`, { cause });
      });
    },
    monitor,
    powerButton: async () => await monitor('system_powerdown'),
    agent: (command, args = {}) => ask(join(dir, 'agent'), [{ execute: command, arguments: args }]),
    ended: exit,
    async stop() {
      qemu.kill('SIGKILL');
      await exit;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/**
 * Sends JSON commands one by one over a Unix socket, waiting for the `return` of each. Returns the
 * last one's; undefined if the peer closes the connection.
 */
async function ask(path: string, commands: readonly object[]): Promise<unknown> {
  const socket = createConnection(path);
  socket.setEncoding('utf8');
  try {
    let output = '';
    socket.on('data', (text: string) => (output += text));
    socket.on('error', () => undefined); // a close event follows
    let isClosed = false;
    socket.on('close', () => (isClosed = true));
    let answer: unknown;
    for (const command of commands) {
      output = '';
      socket.write(`${JSON.stringify(command)}\n`);
      const line = await eventually(
        () =>
          isClosed ? '{}' : output.split('\n').find((part) => /^\{"(return|error)"/.test(part)),
        { withinMs: 20_000, what: `an answer to ${JSON.stringify(command)}` },
      );
      const parsed = JSON.parse(line) as { return?: unknown; error?: { desc: string } };
      if (parsed.error) throw new Error(parsed.error.desc);
      answer = parsed.return;
    }
    return answer;
  } finally {
    socket.destroy();
  }
}

// Sends a command to a daemon of Open vSwitch or OVN over its control socket, as ovs-appctl does:
// ovs-appctl(8), JSON-RPC 1.0 with words as parameters.
import { readdir } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { JsonSplitter } from './json-stream.ts';

const maxAnswerBytes = 1024 * 1024;

/**
 * Sends the command and returns the answer; null: no daemon, no answer in time, or an unknown
 * command.
 */
export async function askDaemon(
  runFolder: string,
  daemon: string,
  command: string,
  timeoutMs: number,
): Promise<string | null> {
  // The socket's name is <daemon>.<pid>.ctl. A killed daemon leaves its socket behind, so there may
  // be several.
  const sockets = (await readdir(runFolder).catch(() => [])).filter(
    (name) => name.startsWith(`${daemon}.`) && name.endsWith('.ctl'),
  );
  const answers = await Promise.all(
    sockets.map((name) => ask(path.join(runFolder, name), command, timeoutMs)),
  );
  return answers.find((answer) => answer !== null) ?? null;
}

function ask(socketPath: string, method: string, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const splitter = new JsonSplitter(maxAnswerBytes);
    const socket = net.connect(socketPath);
    const settle = (answer: string | null): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => settle(null));
    socket.once('error', () => settle(null));
    socket.once('close', () => settle(null));
    socket.once('connect', () => socket.write(JSON.stringify({ id: 0, method, params: [] })));
    socket.on('data', (chunk: Buffer) => {
      try {
        const [answer] = splitter.push(chunk) as { result?: unknown }[]; // JSON-RPC 1.0
        if (answer) settle(typeof answer.result === 'string' ? answer.result : null);
      } catch {
        settle(null); // not JSON, so no such daemon
      }
    });
  });
}

// Starts a private RabbitMQ for tests: own folder, ports on the loopback, own epmd. The broker is a
// child of this process and is ended by its pid.
import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../../testing/eventually.ts';
import { freePort } from '../../testing/free-port.ts';
import { startOrStop } from '../../testing/start-or-stop.ts';
import type { AmqpOptions } from './amqp-bus.ts';

/**
 * The broker's program, from Debian's package rabbitmq-server. Its wrapper in /usr/sbin would
 * switch to another user.
 */
const serverProgram = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;

export interface PrivateRabbitmq {
  options: Pick<AmqpOptions, 'hosts' | 'username' | 'password'>;
  /** Kills the broker with SIGKILL, as a power failure would. */
  kill(): Promise<void>;
  /** Starts the broker again on the data that it left. */
  start(): Promise<void>;
  /** Ends the broker and removes its folder. Safe to repeat. */
  stop(): Promise<void>;
}

/** The reason why RabbitMQ cannot run on this machine, for a test's `skip`; false if it can. */
export const rabbitmqMissing = async (): Promise<string | false> =>
  await access(serverProgram).then(
    () => false as const,
    () => `${serverProgram} is missing: apt-get install --no-install-recommends rabbitmq-server`,
  );

/** Starts a broker; with `tls` it accepts TLS connections only. */
export async function startRabbitmq(tls?: {
  certFile: string;
  keyFile: string;
}): Promise<PrivateRabbitmq> {
  const folder = await mkdtemp(join(tmpdir(), 'cobalt-rabbitmq-'));
  const [port, distributionPort, epmdPort] = [await freePort(), await freePort(), await freePort()];
  await writeFile(join(folder, 'enabled_plugins'), '[].');
  await writeFile(
    join(folder, 'rabbitmq.conf'),
    [
      ...(tls
        ? [
            'listeners.tcp = none',
            `listeners.ssl.1 = 127.0.0.1:${port}`,
            `ssl_options.certfile = ${tls.certFile}`,
            `ssl_options.keyfile = ${tls.keyFile}`,
          ]
        : [`listeners.tcp.1 = 127.0.0.1:${port}`]),
      'loopback_users = none',
      '',
    ].join('\n'),
  );
  const env = {
    PATH: process.env['PATH'],
    LANG: 'C.UTF-8',
    HOME: folder, // Erlang keeps its cookie file here
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_NODENAME: `cobalt${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_SCHEMA_DIR: join(folder, 'schema'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(folder, 'config'),
    RABBITMQ_ALLOW_INPUT: 'true', // the script then runs Erlang by exec, under the same pid
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  };
  let server: ChildProcess | undefined;
  let output = '';
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const running = server;
    server = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const exit = once(running, 'exit');
    running.kill(signal);
    await Promise.race([
      exit,
      new Promise((resolve) => setTimeout(resolve, stopTimeoutMs).unref()),
    ]);
  };
  const start = async (): Promise<void> => {
    output = '';
    // `--pdeathsig`: the broker is killed when the test process dies.
    server = spawn('setpriv', ['--pdeathsig', 'KILL', serverProgram], {
      env,
      stdio: ['pipe', 'pipe', 'pipe'], // the broker ends when its stdin is closed
    });
    for (const stream of [server.stdout, server.stderr])
      stream
        ?.setEncoding('utf8')
        .on('data', (text: string) => (output = (output + text).slice(-4_000)));
    const started = server;
    await eventually(
      () => {
        if (started.exitCode !== null) throw new Error(`RabbitMQ ended: ${output}`);
        return output.includes('completed with');
      },
      { withinMs: startTimeoutMs, what: 'RabbitMQ has started' },
    );
  };
  const stop = async (): Promise<void> => {
    await end('SIGKILL');
    await promisify(execFile)('epmd', ['-port', String(epmdPort), '-kill'], { env }).catch(
      () => undefined, // never started, or ended already
    );
    await rm(folder, { recursive: true, force: true });
  };
  await startOrStop({ start, stop });
  return {
    options: { hosts: [`127.0.0.1:${port}`], username: 'guest', password: 'guest' },
    kill: async () => await end('SIGKILL'),
    start,
    stop,
  };
}

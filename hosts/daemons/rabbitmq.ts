// A private RabbitMQ of a distributed cloud: own folder, ports on the loopback, epmd and password.
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Secret } from '#platform/log.ts';
import type { ProcessSpec } from './supervised-process.ts';

/**
 * The broker's program, from Debian's package rabbitmq-server. Its wrapper in /usr/sbin would
 * switch to another user.
 */
const program = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const nodeName = 'cobalt@localhost';

export const rabbitmqNeeds = [[program, 'rabbitmq-server']] as const;
export const rabbitmqUser = 'cobalt';

export interface RabbitmqPlace {
  folder: string;
  port: number;
  distributionPort: number;
  epmdPort: number;
  password: Secret;
}

/** Writes the broker's settings. User and password are fixed at its first start. */
export async function prepareRabbitmq(place: RabbitmqPlace): Promise<ProcessSpec> {
  const { folder, port, password } = place;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const settings = join(folder, 'rabbitmq.conf');
  await writeFile(join(folder, 'enabled_plugins'), '[].');
  await writeFile(
    settings,
    [
      `listeners.tcp.1 = 127.0.0.1:${port}`,
      `default_user = ${rabbitmqUser}`,
      `default_pass = ${password.reveal()}`,
      'disk_free_limit.absolute = 50MB',
      '',
    ].join('\n'),
    { mode: 0o600 },
  );
  return {
    name: 'rabbitmq',
    command: [program],
    env: environment(place),
    logFile: join(folder, 'rabbitmq.log'),
    isReady: async () => await accepts(port),
    readyWithinMs: 60_000,
    stopWithinMs: 20_000,
  };
}

function environment({
  folder: home,
  distributionPort,
  epmdPort,
}: RabbitmqPlace): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    LANG: 'C.UTF-8',
    HOME: home, // Erlang keeps its cookie file here
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_CONFIG_FILE: join(home, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'enabled_plugins'),
    RABBITMQ_NODENAME: nodeName,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: join(home, 'data'),
    RABBITMQ_LOG_BASE: join(home, 'log'),
    RABBITMQ_SCHEMA_DIR: join(home, 'schema'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(home, 'config'),
    RABBITMQ_ALLOW_INPUT: 'true', // the script then runs Erlang by exec, under the same pid
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  };
}

/**
 * A private epmd (Erlang's name service). Without it the broker would start one that outlives both
 * the broker and this process.
 */
export const epmdProcess = ({ folder, epmdPort }: RabbitmqPlace): ProcessSpec => ({
  name: 'epmd',
  command: ['epmd', '-port', String(epmdPort), '-address', '127.0.0.1'],
  env: { PATH: process.env['PATH'], HOME: folder },
  logFile: join(folder, 'epmd.log'),
  isReady: async () => await accepts(epmdPort),
  readyWithinMs: 20_000,
  stopWithinMs: 5_000,
});

const accepts = async (port: number): Promise<boolean> =>
  await new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });

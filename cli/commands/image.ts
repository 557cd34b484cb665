// `cobalt image`: builds further guest images on this machine from Debian's packages, and registers
// them in Glance.
import { rm } from 'node:fs/promises';
import type { Command } from 'commander';
import { cloudConfigSchema } from '#compose/config.ts';
import type { Home } from '#compose/home.ts';
import { readSecrets } from '#compose/home.ts';
import { findActiveImage, registerImageFile } from '#compose/seed-images.ts';
import type { Seeder } from '#compose/seed-images.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { buildDebianImage, debianImage } from '#images/debian/build-debian-image.ts';
import { sessionWithToken } from '#openstack/auth/service-session.ts';
import { createSocketClient } from '#openstack/http/client.ts';
import { systemClock } from '#platform/clock.ts';
import { loadConfig } from '#platform/config/config.ts';
import { connectCloud } from '../cloud-client.ts';
import { findControl } from '../control-process.ts';
import { homeOption, requireHome } from '../state-folder.ts';
import { table } from '../table.ts';
import { UserError } from '../user-error.ts';

/**
 * For each argument of `image build`: the image that it builds, and how to log in to its servers.
 */
const buildable = [
  {
    word: 'debian',
    name: debianImage.name,
    about: 'Debian 12 with cloud-init, 1 GiB disk, 512 MiB memory',
    login: `ssh ${debianImage.user}@…`,
  },
] as const;

export function define(command: Command): void {
  command.addHelpText('after', '\nExamples:\n  ./cobalt image list\n  ./cobalt image build debian');
  command
    .command('list')
    .description('What can be built, and whether the running cloud has it.')
    .option(...homeOption)
    .action(async (options: { home?: string }) => await list(requireHome(options.home)));
  command
    .command('build <image>')
    .description(
      'Build an image and register it in the running cloud. Where it is registered already nothing is done.',
    )
    .option(...homeOption)
    .option('--mirror <url>', 'the Debian mirror (default: deb.debian.org)')
    .option('-y, --yes', 'install missing Debian packages without asking')
    .action(
      async (word: string, options: { home?: string; mirror?: string }) =>
        await build(requireHome(options.home), word, options.mirror),
    );
}

async function list(home: Home): Promise<void> {
  const running = await findControl(home.controlPid);
  const cloud = running ? await connect(home) : undefined;
  const rows = await Promise.all(
    buildable.map(async ({ word, name, about, login }) => {
      const id = cloud ? sure(await findActiveImage(cloud, name)) : undefined;
      return [word, name, about, login, cloud ? (id ?? 'not built') : 'no cloud runs'];
    }),
  );
  process.stdout.write(`${table(['BUILD', 'IMAGE', 'WHAT', 'LOGIN', 'REGISTERED'], rows)}\n`);
}

async function build(home: Home, word: string, mirror: string | undefined): Promise<void> {
  const wanted = buildable.find((each) => each.word === word);
  if (!wanted)
    throw new UserError(
      `There is no image ${word} to build. There are: ${buildable.map((each) => each.word).join(', ')}.`,
    );
  const { name } = wanted;
  const present = sure(await findActiveImage(await connect(home), name));
  if (present !== undefined)
    return say(
      `  ✓ ${name} is registered already (${present}). To build it anew: openstack image delete ${present}`,
    );
  say(`Building ${name} from Debian's packages: two to five minutes.`);
  const steps = progress();
  const path = sure(
    await buildDebianImage({ outDir: home.guestImages, mirror, onProgress: steps.begin }),
  );
  try {
    steps.begin('registering it in Glance');
    const properties = {
      disk_format: 'qcow2',
      container_format: 'bare',
      visibility: 'public',
      architecture: 'x86_64',
      os_type: 'linux',
      os_distro: 'debian',
      os_version: '12',
      os_admin_user: debianImage.user,
      min_disk: debianImage.diskMib / 1024,
      min_ram: debianImage.minRamMib,
    };
    // Connects anew: the token from before the build may have expired.
    const id = sure(await registerImageFile(await connect(home), name, properties, path));
    steps.end();
    say(
      `${name} is registered (${id}). Log in with your key: ${wanted.login}. A server: openstack server create --image ${name} --flavor m1.small …`,
    );
  } finally {
    await rm(path, { force: true });
  }
}

/** Prints a line for each step, with its duration when it ends. */
function progress(): { begin(step: string): void; end(): void } {
  let current: { step: string; startedAt: number } | undefined;
  const end = (): void => {
    if (current)
      say(
        `  ✓ ${current.step.padEnd(50)} ${((systemClock.monotonicMs() - current.startedAt) / 1000).toFixed(1)} s`,
      );
    current = undefined;
  };
  return {
    begin(step) {
      end();
      current = { step, startedAt: systemClock.monotonicMs() };
      if (process.stdout.isTTY) process.stdout.write(`  … ${step}\r`);
    },
    end,
  };
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Administrator access to Glance of the running cloud. */
async function connect(home: Home): Promise<Seeder> {
  const control = await findControl(home.controlPid);
  if (!control)
    throw new UserError(
      'The cloud does not run: the image could not be registered. Start it with ./cobalt up --detach',
    );
  const config = await loadConfig(cloudConfigSchema, {
    file: home.configFile,
    env: process.env,
    prefix: 'COBALT',
  });
  const origin = `http://${config.api.host}:${control.port}`;
  const { token } = await connectCloud(origin, {
    name: 'admin',
    password: (await readSecrets(home.dir)).admin,
    project: 'admin',
  });
  const http = createSocketClient({ image: `${origin}/image` }, systemClock);
  return { http, session: sessionWithToken(token) };
}

function sure<T>(outcome: Outcome<T>): T {
  if (isFault(outcome))
    throw new UserError(`${outcome.message[0]?.toUpperCase() ?? ''}${outcome.message.slice(1)}`);
  return outcome;
}

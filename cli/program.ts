// The tree of `cobalt` commands. Each command is one file, loaded when it is used; only completions
// and the manual page load all.
import { Command } from 'commander';
import { version } from '#compose/version.ts';

interface Entry {
  name: string;
  summary: string;
  define(command: Command): Promise<void>;
}

const entries: readonly Entry[] = [
  {
    name: 'up',
    summary: 'start the cloud',
    define: async (command) => (await import('./commands/up.ts')).define(command),
  },
  {
    name: 'down',
    summary: 'stop the cloud and power off its hosts',
    define: async (command) => (await import('./commands/down.ts')).define(command),
  },
  {
    name: 'restart',
    summary: 'restart the control plane alone; hosts and VMs run on',
    define: async (command) => (await import('./commands/restart.ts')).define(command),
  },
  {
    name: 'host',
    summary: 'add, remove, stop, start or list hypervisor hosts',
    define: async (command) => (await import('./commands/host.ts')).define(command),
  },
  {
    name: 'evict',
    summary: 'empty a host for maintenance; show before where its servers go',
    define: async (command) => (await import('./commands/evict.ts')).define(command),
  },
  {
    name: 'ha',
    summary: 'hosts as the HA Service sees them; plan and acknowledge recoveries',
    define: async (command) => (await import('./commands/ha.ts')).define(command),
  },
  {
    name: 'image',
    summary: 'build a guest image (Debian 12 with cloud-init) and register it',
    define: async (command) => (await import('./commands/image.ts')).define(command),
  },
  {
    name: 'status',
    summary: 'services, hosts, agents, VMs, versions',
    define: async (command) => (await import('./commands/status.ts')).define(command),
  },
  {
    name: 'explain',
    summary: 'why a server is on its host, or why no host was found',
    define: async (command) => (await import('./commands/explain.ts')).define(command),
  },
  {
    name: 'rebalance',
    summary: 'what should move for a balanced fleet; --apply moves it',
    define: async (command) => (await import('./commands/rebalance.ts')).define(command),
  },
  {
    name: 'openrc',
    summary: 'shell exports for the openstack client',
    define: async (command) => (await import('./commands/openrc.ts')).define(command),
  },
  {
    name: 'kubeconfig',
    summary: 'prints how kubectl and Helm reach the Kubernetes API',
    define: async (command) => (await import('./commands/kubeconfig.ts')).define(command),
  },
  {
    name: 'doctor',
    summary: 'what this machine can do; --audit compares what is with what should be',
    define: async (command) => (await import('./commands/doctor.ts')).define(command),
  },
  {
    name: 'serve',
    summary: 'run roles of a distributed cloud in this process',
    define: async (command) => (await import('./commands/serve.ts')).define(command),
  },
  {
    name: 'migrate',
    summary: 'bring the databases of a distributed cloud to this release',
    define: async (command) => (await import('./commands/migrate.ts')).define(command),
  },
  {
    name: 'keys',
    summary: 'rotate the keys that seal tokens',
    define: async (command) => (await import('./commands/keys.ts')).define(command),
  },
  {
    name: 'config',
    summary: 'the effective settings of a process, each with its source; checks them',
    define: async (command) => (await import('./commands/config.ts')).define(command),
  },
  {
    name: 'test',
    summary: 'format, types, lint, dependency rules, unit, contract and end-to-end tests',
    define: async (command) => (await import('./commands/test.ts')).define(command),
  },
  {
    name: 'check',
    summary: 'format, types, lint and dependency rules: what is quick',
    define: async (command) => (await import('./commands/check.ts')).define(command),
  },
  {
    name: 'bench',
    summary: 'measure boot, control, memory, network or storage',
    define: async (command) => (await import('./commands/bench.ts')).define(command),
  },
  {
    name: 'completion',
    summary: 'shell completions for bash or zsh',
    define: async (command) => (await import('./commands/completion.ts')).define(command),
  },
];

/** Creates the command tree. `wanted`: the one command to load with its options, or 'all'. */
export async function createProgram(wanted: string | undefined): Promise<Command> {
  const program = new Command('cobalt')
    .description('CobaltCore: a cloud for virtual machines that speaks the OpenStack APIs.')
    .version(version, '-V, --version', 'print the version')
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      'after',
      '\nExamples:\n  ./cobalt up --detach            a cloud with two hypervisor hosts, in the background\n  source <(./cobalt openrc)       credentials for the openstack client\n  ./cobalt status                 what runs\n  ./cobalt down                   stop it; --purge also deletes its state',
    );
  for (const { name, summary, define } of entries) {
    const command = program
      .command(name)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase() ?? ''}${summary.slice(1)}.`)
      .exitOverride();
    if (wanted === name || wanted === 'all') await define(command);
  }
  return program;
}

// `cobalt kubeconfig`: prints the kubeconfig with which `kubectl` and Helm reach the cloud's
// Kubernetes API. compose/kubernetes.ts writes it when the cloud starts.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { kubernetesPaths } from '#compose/home.ts';
import { findControl } from '../control-process.ts';
import { homeOption, requireHome } from '../state-folder.ts';
import { UserError } from '../user-error.ts';

export function define(command: Command): void {
  command
    .option(...homeOption)
    .option('--path', 'print where the file is, not what is in it')
    .addHelpText(
      'after',
      '\nThe administrator of the Kubernetes API (group system:masters), with a client certificate.\n\nExamples:\n  ./cobalt kubeconfig > ~/.kube/config\n  export KUBECONFIG=$(./cobalt kubeconfig --path)',
    )
    .action(async (options: { home?: string; path?: true }) => {
      const home = requireHome(options.home);
      const { kubeconfig } = kubernetesPaths(home);
      if (!existsSync(kubeconfig))
        throw new UserError(
          `There is no Kubernetes API in ${home.dir} yet. Start the cloud with ./cobalt up --detach`,
        );
      if (!(await findControl(home.controlPid)))
        process.stderr.write(
          'cobalt: the cloud does not run now; start it with ./cobalt up --detach\n',
        );
      process.stdout.write(options.path ? `${kubeconfig}\n` : await readFile(kubeconfig, 'utf8'));
    });
}

// `cobalt openrc`: prints the environment variables of an OpenStack client as shell exports.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { cloudConfigSchema } from '#compose/config.ts';
import { clientEnvironment, readSecrets } from '#compose/home.ts';
import { loadConfig } from '#platform/config/config.ts';
import { findControl } from '../control-process.ts';
import { homeOption, requireHome } from '../state-folder.ts';
import { UserError } from '../user-error.ts';

export function define(command: Command): void {
  command
    .option(...homeOption)
    .option('--user <name>', 'admin or demo', 'admin')
    .addHelpText(
      'after',
      '\nExamples:\n  source <(./cobalt openrc)\n  source <(./cobalt openrc --user demo)',
    )
    .action(async (options: { home?: string; user: string }) => {
      const home = requireHome(options.home);
      const { dir } = home;
      if (options.user !== 'admin' && options.user !== 'demo')
        throw new UserError(`There are credentials for admin and demo, not for ${options.user}.`);
      if (!existsSync(home.cloudsYaml))
        throw new UserError(
          `No cloud was ever started in ${dir}. Start one with ./cobalt up --detach`,
        );
      const config = await loadConfig(cloudConfigSchema, {
        file: home.configFile,
        env: process.env,
        prefix: 'COBALT',
      });
      const identityUrl =
        /auth_url: (\S+)/.exec(await readFile(home.cloudsYaml, 'utf8'))?.[1] ?? '';
      const control = await findControl(home.controlPid);
      if (!control)
        process.stderr.write(
          'cobalt: the cloud does not run now; start it with ./cobalt up --detach\n',
        );
      const secrets = await readSecrets(dir);
      const variables = clientEnvironment(identityUrl, config.api.region, {
        name: options.user,
        password: secrets[options.user],
        project: options.user,
      });
      for (const [name, value] of Object.entries(variables))
        process.stdout.write(`export ${name}='${value.replaceAll("'", "'\\''")}'\n`);
      // Variables set for another cloud would override the exported ones.
      process.stdout.write(
        'unset OS_CLOUD OS_TOKEN OS_AUTH_TYPE OS_SYSTEM_SCOPE OS_PROJECT_ID OS_TENANT_NAME OS_TENANT_ID\n',
      );
    });
}

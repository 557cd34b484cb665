// `cobalt config`: prints a process's effective settings with the source of each, and checks them.
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { readProcessConfig } from '#compose/process-config.ts';
import { configFileOf, configOptions } from '../process-options.ts';
import type { ConfigOptions } from '../process-options.ts';
import { homeOption } from '../state-folder.ts';
import { table } from '../table.ts';

interface Setting {
  section: string;
  /** The setting's name in its section; undefined if the section itself is a setting. */
  field: string | undefined;
  setting: unknown;
}

/**
 * Settings with a secret as their value are masked; settings of secret files hold a path and are
 * shown.
 */
const secretField = /password$/i;

export function define(command: Command): void {
  command
    .option(...homeOption)
    .option(...configOptions.config)
    .option('--changed', 'only what is not the default')
    .option('--yaml', 'as a file that `--config` takes; secrets are masked')
    .addHelpText(
      'after',
      '\nA wrong setting is named, with what is allowed, and the exit code is 1.\n\nExamples:\n  ./cobalt config --changed\n  COBALT_BUS__HOSTS=10.0.0.1:5672 ./cobalt config --config /etc/cobalt/cobalt.yaml',
    )
    .action(async (options: ConfigOptions & { changed?: boolean; yaml?: boolean }) => {
      const { value, sourceOf } = await readProcessConfig(configFileOf(options), process.env);
      const settings = Object.entries(value).flatMap(([section, fields]): Setting[] =>
        typeof fields === 'object'
          ? Object.entries(fields).map(([field, setting]) => ({ section, field, setting }))
          : [{ section, field: undefined, setting: fields }],
      );
      const rows = settings
        .map(({ section, field, setting }) => {
          const path = field === undefined ? section : `${section}.${field}`;
          const shown = secretField.test(path) && setting !== '' ? '***' : setting;
          return { section, field, path, shown, source: sourceOf(path) };
        })
        .filter(({ source }) => !options.changed || source !== 'default');
      if (options.yaml) {
        const document: Record<string, unknown> = {};
        for (const { section, field, shown } of rows)
          if (field === undefined) document[section] = shown;
          else ((document[section] ??= {}) as Record<string, unknown>)[field] = shown;
        process.stdout.write(stringify(document));
        return;
      }
      const lines = rows.map(({ path, shown, source }) => [path, JSON.stringify(shown), source]);
      process.stdout.write(`${table(['SETTING', 'VALUE', 'FROM'], lines)}\n`);
    });
}

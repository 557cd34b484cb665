// Typed configuration: defaults from the schema, then a YAML file, then the environment. The error
// about a wrong value names it and what is allowed.
import { readFile } from 'node:fs/promises';
import type { Static, TObject, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { Default } from 'typebox/value';
import { parse } from 'yaml';

/** Thrown at start: the cloud must not run with a configuration that it does not understand. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads `file` (it may be missing) and variables `<PREFIX>_<SECTION>__<FIELD>` in upper snake case,
 * e.g. COBALT_NOVA__SHUTDOWN_TIMEOUT_MS=5000 for `nova: {shutdownTimeoutMs: 5000}`, and
 * COBALT_ACCELERATION=tcg for `acceleration: tcg`.
 */
export async function loadConfig<T extends TObject>(
  schema: T,
  source: { file: string; env: Readonly<Record<string, string | undefined>>; prefix: string },
): Promise<Static<T>> {
  let text = '';
  try {
    text = await readFile(source.file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new ConfigError(`${source.file} cannot be read: ${String(error)}`);
  }
  let value: unknown;
  try {
    value = parse(text) ?? {};
  } catch (error) {
    throw new ConfigError(
      `${source.file} is not valid YAML: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigError(`${source.file} must hold sections, e.g. "nova:".`);
  for (const [section, fields] of Object.entries(schema.properties as Record<string, TSchema>)) {
    const variable = `${source.prefix}_${upperSnake(section)}`;
    const { properties } = fields as TObject;
    if (properties === undefined && source.env[variable] !== undefined)
      (value as Record<string, unknown>)[section] = scalar(source.env[variable]);
    for (const field of Object.keys(properties ?? {})) {
      const variableText = source.env[`${variable}__${upperSnake(field)}`];
      if (variableText !== undefined)
        ((value as Record<string, Record<string, unknown>>)[section] ??= {})[field] =
          scalar(variableText);
    }
  }
  const complete = Default(schema, value);
  const check = Compile(schema);
  if (!check.Check(complete)) {
    const [first] = check.Errors(complete);
    throw new ConfigError(
      `${source.file}: ${first?.instancePath.slice(1).replaceAll('/', '.') || 'the file'} ${first ? explain(first) : 'is not valid'}.`,
    );
  }
  return complete as Static<T>; // checked above
}

function explain({ message, keyword, params }: TLocalizedValidationError): string {
  // additionalProperties: false
  if (message === 'schema is false') return 'is no setting of this release';
  return keyword === 'enum' ? `must be one of ${params.allowedValues.join(', ')}` : message;
}

const upperSnake = (name: string): string => name.replace(/([A-Z])/g, '_$1').toUpperCase();

function scalar(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && !Number.isNaN(Number(text)) ? Number(text) : text;
}

// Typed configuration: defaults from the schema, then a YAML file, then the environment. The error
// about a wrong value names it and what is allowed.
import { readFile } from 'node:fs/promises';
import type { Static, TObject, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { Default } from 'typebox/value';
import { parse } from 'yaml';

/** Thrown at start: a cloud must not run with a configuration that it cannot interpret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export interface ConfigSource {
  /** Path of the YAML file, which may be missing. */
  file: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Prefix of the environment variables, e.g. COBALT. */
  prefix: string;
}

export interface EffectiveConfig<T> {
  value: T;
  /**
   * Where the value of `section.field` comes from: 'default', the file's path, or the variable's
   * name.
   */
  sourceOf(path: string): string;
}

type Sections = Record<string, Record<string, unknown>>;

/**
 * Reads the file and variables `<PREFIX>_<SECTION>__<FIELD>` in upper snake case, e.g.
 * COBALT_NOVA__SHUTDOWN_TIMEOUT_MS=5000 for `nova: {shutdownTimeoutMs: 5000}`, and
 * COBALT_ACCELERATION=tcg for `acceleration: tcg`.
 */
export async function readConfig<T extends TObject>(
  schema: T,
  source: ConfigSource,
): Promise<EffectiveConfig<Static<T>>> {
  const value = await sectionsIn(source.file);
  const sources = new Map<string, string>();
  for (const [section, fields] of Object.entries(value)) {
    sources.set(section, source.file);
    if (typeof fields !== 'object' || fields === null) continue;
    for (const field of Object.keys(fields)) sources.set(`${section}.${field}`, source.file);
  }
  const variables = new Set<string>();
  const take = (
    variable: string,
    path: string,
    type: TSchema,
    put: (parsed: unknown) => void,
  ): void => {
    variables.add(variable);
    const text = source.env[variable];
    if (text === undefined) return;
    put((type as { type?: string }).type === 'string' ? text : scalar(text));
    sources.set(path, variable);
  };
  for (const [section, fields] of Object.entries(schema.properties as Record<string, TSchema>)) {
    const variable = `${source.prefix}_${upperSnake(section)}`;
    const { properties } = fields as TObject;
    if (properties === undefined)
      take(
        variable,
        section,
        fields,
        (parsed) => void ((value as Record<string, unknown>)[section] = parsed),
      );
    for (const [field, type] of Object.entries<TSchema>(properties ?? {}))
      take(`${variable}__${upperSnake(field)}`, `${section}.${field}`, type, (parsed) => {
        (value[section] ??= {})[field] = parsed;
      });
  }
  refuseUnknownVariables(source, variables);
  const complete = Default(schema, value);
  const check = Compile(schema);
  if (!check.Check(complete)) {
    const [first] = check.Errors(complete);
    const path = first?.instancePath.slice(1).replaceAll('/', '.') ?? '';
    throw new ConfigError(
      `${sources.get(path) ?? source.file}: ${path || 'the file'} ${first ? explain(first, path, schema) : 'is not valid'}.`,
    );
  }
  return {
    value: complete as Static<T>, // checked above
    sourceOf: (path) => sources.get(path) ?? 'default',
  };
}

export const loadConfig = async <T extends TObject>(
  schema: T,
  source: ConfigSource,
): Promise<Static<T>> => (await readConfig(schema, source)).value;

async function sectionsIn(file: string): Promise<Sections> {
  let text = '';
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new ConfigError(`${file} cannot be read: ${String(error)}`);
  }
  return yamlObject(file, text, 'sections, e.g. "nova:"') as Sections; // checked later
}

/**
 * The top-level object of a YAML text; empty for an empty file. `holds`: what the file should
 * contain, for the error.
 */
export function yamlObject(file: string, text: string, holds: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parse(text) ?? {};
  } catch (error) {
    throw new ConfigError(
      `${file} is not valid YAML: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigError(`${file} must hold ${holds}.`);
  return value as Record<string, unknown>; // checked above
}

/**
 * Throws ConfigError for a variable with `__` in its name that is no setting. Variables without it
 * are not refused, since some with the prefix (COBALT_HOME) are no settings.
 */
function refuseUnknownVariables(
  { env, prefix }: ConfigSource,
  variables: ReadonlySet<string>,
): void {
  const unknown = Object.keys(env).find(
    (name) => name.startsWith(`${prefix}_`) && name.includes('__') && !variables.has(name),
  );
  if (unknown !== undefined)
    throw new ConfigError(
      `The environment variable ${unknown} is no setting of this release. See all with: ./cobalt config`,
    );
}

function explain(
  { message, keyword, params }: TLocalizedValidationError,
  path: string,
  schema: TObject,
): string {
  // The schema has additionalProperties: false, so this message means an unknown setting.
  if (message === 'schema is false')
    return `is no setting of this release; allowed are ${Object.keys(fieldsBeside(path, schema)).join(', ')}`;
  return keyword === 'enum' ? `must be one of ${params.allowedValues.join(', ')}` : message;
}

function fieldsBeside(path: string, schema: TObject): Readonly<Record<string, TSchema>> {
  const parents = path.split('.').slice(0, -1);
  const parent = parents.reduce<TObject>(
    (at, name) => (at.properties as Record<string, TObject>)[name] ?? at,
    schema,
  );
  return parent.properties as Record<string, TSchema>;
}

const upperSnake = (name: string): string => name.replace(/([A-Z])/g, '_$1').toUpperCase();

function scalar(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && !Number.isNaN(Number(text)) ? Number(text) : text;
}

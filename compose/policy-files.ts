// Reads an operator's policy files, <state folder>/policy/<service>.yaml, in oslo.policy's form
// (rule name: rule); they override the service's defaults.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HttpFace } from '#openstack/http/route.ts';
import { createPolicy } from '#openstack/policy/policy.ts';
import { ConfigError, yamlObject } from '#platform/config/config.ts';

/**
 * The overrides by API name. Throws ConfigError for a rule that the service does not have or that
 * does not parse: a misspelt rule must not seem to be in force.
 */
export async function readPolicyFiles(
  folder: string,
  faces: readonly Pick<HttpFace, 'name' | 'policies'>[],
): Promise<Record<string, Record<string, string>>> {
  const overrides: Record<string, Record<string, string>> = {};
  for (const { name, policies } of faces) {
    const file = join(folder, `${name}.yaml`);
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new ConfigError(`${file} cannot be read: ${error.message}`);
    });
    if (text === undefined) continue;
    const rules = readRules(file, text);
    const unknown = Object.keys(rules).find((rule) => !(rule in policies));
    if (unknown !== undefined)
      throw new ConfigError(
        `${file}: ${name} has no rule "${unknown}". docs/reference/policies.md lists them all.`,
      );
    try {
      createPolicy({ ...policies, ...rules });
    } catch (error) {
      throw new ConfigError(`${file}: ${error instanceof Error ? error.message : String(error)}.`);
    }
    overrides[name] = rules;
  }
  return overrides;
}

function readRules(file: string, text: string): Record<string, string> {
  const value = yamlObject(file, text, 'lines of the form "rule name": "rule"');
  for (const [rule, wanted] of Object.entries(value))
    if (typeof wanted !== 'string')
      throw new ConfigError(`${file}: the rule of ${rule} must be text, e.g. "role:admin".`);
  return value as Record<string, string>; // checked above
}

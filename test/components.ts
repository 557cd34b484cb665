// The components of the repository, as the dependency rules and the style rules count them.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const components = [
  'contracts',
  'ports',
  'platform',
  'adapters',
  'services',
  'agents',
  'operators',
  'hosts',
  'images',
  'compose',
  'cli',
  'test',
  'tools',
];

/**
 * The component a file is in: its first folder, and the second where a folder holds several
 * components.
 */
export function componentOf(file: string): string {
  const [first = '', second = ''] = file.split('/');
  if (['adapters', 'services', 'agents', 'operators'].includes(first)) return `${first}/${second}`;
  if (file.startsWith('contracts/common/')) return 'contracts/common';
  return first;
}

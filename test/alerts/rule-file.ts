// The alerting rules of operators/alerts/cobaltcore.rules.yml, as the tests read them.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from '../components.ts';

export interface Rule {
  alert: string;
  expr: string;
  for?: string;
  labels: { severity: string; type: string; playbook: string };
  annotations: { summary: string; description: string };
}

export const ruleFile = join(root, 'operators/alerts/cobaltcore.rules.yml');

export async function readRules(): Promise<Rule[]> {
  const { groups } = parse(await readFile(ruleFile, 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** A metric that an expression names, with the labels by which it selects series of it. */
export interface Selector {
  metric: string;
  labels: string[];
}

/** Words of PromQL that are no metrics. */
const words = new Set(
  'max min sum count rate increase last_over_time max_over_time by on and or unless'.split(' '),
);

/**
 * The metrics of an expression, each with the labels that select its series; labels that it groups
 * or joins by are not among them.
 */
export function selectorsIn(expr: string): Selector[] {
  const withoutGroups = expr.replace(/\b(?:by|on) ?\([^)]*\)/g, ' ');
  const names = withoutGroups.matchAll(/([a-zA-Z_]\w*)(?:\{([^}]*)\})?/g);
  // what stands in braces belongs to the name before it, and is taken with it
  return [...names].flatMap(([, metric = '', inBraces = '']) =>
    words.has(metric) || /^[0-9]*[smhd]$/.test(metric)
      ? []
      : [
          {
            metric,
            labels: [...inBraces.matchAll(/(\w+)(?:!|=)/g)].map(([, label = '']) => label),
          },
        ],
  );
}

/** All labels that the expression names, also those that it groups or joins by. */
export const groupedBy = (expr: string): string[] =>
  [...expr.matchAll(/\b(?:by|on) ?\(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(',').flatMap((label) => label.trim() || []),
  );

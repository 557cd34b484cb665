// The alerting rules: what a rule must have, and that each metric and label of its expression is
// exposed by a real cloud with HA.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import { root } from '../components.ts';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import { testCloud } from '../e2e/cloud.testing.ts';
import { groupedBy, readRules, selectorsIn } from './rule-file.ts';

/** The alerts of the upstream openstack-hypervisor-operator. */
const upstream = [
  'HypervisorOnboardingStuck',
  'HypervisorEvictionStuck',
  'HypervisorEvictedTooLong',
  'HypervisorTraitSyncFailed',
  'HypervisorAggregateSyncFailed',
  'HypervisorOperatorReconcileErrors',
  'HypervisorOperatorDown',
  'EvictionFailed',
  'EvictionMigrationFailing',
  'EvictionOutstandingRamHigh',
];

test('every rule says how bad it is, of what, what it means, and where help is', async () => {
  const rules = await readRules();
  const names = rules.map(({ alert }) => alert);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(
    upstream.filter((name) => !names.includes(name)),
    [],
  );
  for (const { alert, labels, annotations } of rules) {
    assert.match(labels.severity, /^(info|warning|critical)$/, alert);
    assert.match(labels.type, /^(hypervisor_operator|ha)$/, alert);
    assert.ok(annotations.summary.length > 20 && annotations.description.length > 50, alert);
    const [file = '', section] = labels.playbook.split('#');
    assert.match(file, /^docs\/how-to\/[\w-]+\.md$/, alert);
    const headings = [...(await readFile(join(root, file), 'utf8')).matchAll(/^## (.+)$/gm)];
    const anchors = headings.map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    assert.ok(anchors.includes(section ?? ''), `${alert}: ${file} has no section ${section}`);
  }
});

test('metrics and labels are found in an expression', () => {
  const expr = 'max by (a, b) (m_1{x="1", y!~"m_2|m_3"}) > 0 unless on (c) sum(rate(m_4[2m])) > 0';
  assert.deepEqual(selectorsIn(expr), [
    { metric: 'm_1', labels: ['x', 'y'] },
    { metric: 'm_4', labels: [] },
  ]);
  assert.deepEqual(groupedBy(expr), ['a', 'b', 'c']);
});

describe('in a cloud with HA', { timeout: 120_000 }, () => {
  let cloud: TestCloud;
  /** Label names of each series, by its metric. */
  let exposed: Map<string, Set<string>>;
  before(async () => {
    cloud = await testCloud();
    await writeFile(join(cloud.dir, 'cobalt.yaml'), 'ha:\n  enabled: true\n', { mode: 0o600 });
    await cloud.up('--hosts=0', '--simulated=2');
    const scrape = async (): Promise<string> =>
      await (await fetch(`http://127.0.0.1:${cloud.port}/metrics`)).text();
    const text = await eventually(
      async () => {
        const now = await scrape();
        const isWatched = /cobalt_ha_agent_silent_seconds\{host="sim0002"/.test(now);
        return isWatched && /condition="Ready",reason="Ready"/.test(now) ? now : undefined;
      },
      { withinMs: 60_000, everyMs: 500, what: 'hosts are ready, and watched by HA' },
    );
    exposed = new Map(
      [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) =>
        (type === 'histogram' ? ['_count', '_sum', '_bucket'] : ['']).map((suffix) => [
          `${name}${suffix}`,
          new Set<string>(),
        ]),
      ),
    );
    for (const [, name = '', labels = ''] of text.matchAll(/^(\w+)\{(.*)\} \S+$/gm))
      for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) exposed.get(name)?.add(label);
  });
  after(async () => await cloud.close());

  it('every metric of a rule is exposed, with the labels by which it is selected', async () => {
    const unknown: string[] = [];
    let seen = 0;
    for (const { alert, expr } of await readRules())
      for (const { metric, labels } of selectorsIn(expr)) {
        seen += 1;
        const known = exposed.get(metric);
        if (!known) unknown.push(`${alert}: ${metric}`);
        // no eviction is there, so its metrics have no series
        else if (!metric.startsWith('kube_customresource_eviction_'))
          for (const label of labels)
            if (!known.has(label)) unknown.push(`${alert}: ${metric}{${label}}`);
      }
    assert.ok(seen > 25, `only ${seen} were seen`);
    assert.deepEqual(unknown, []);
  });

  it('every label by which a rule groups is one of its metrics', async () => {
    const all = new Set([...exposed.values()].flatMap((labels) => [...labels]));
    assert.ok(all.has('zone') && all.has('controller'));
    for (const { alert, expr } of await readRules())
      assert.deepEqual(
        groupedBy(expr).filter((label) => !all.has(label)),
        [],
        alert,
      );
  });
});

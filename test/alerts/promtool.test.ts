// Prometheus' own judge on the alerting rules: that they are rules, and that each alert fires when
// it should and is silent when not (alert-cases.ts).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import type { AlertCase } from './alert-cases.ts';
import { alertCases } from './alert-cases.ts';
import type { Rule } from './rule-file.ts';
import { readRules, ruleFile } from './rule-file.ts';

const promtoolMissing =
  spawnSync('promtool', ['--version']).status === 0
    ? false
    : 'needs promtool of the Debian package prometheus (./cobalt test installs it)';

/**
 * The annotation with the labels' values filled in: annotations use no other values than `$labels`.
 */
const filled = (text: string, labels: Record<string, string>): string =>
  text.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? '');

/** A test of promtool: its one file, since it has one interval of evaluation. */
function testOf({ alert, story, every, series, fires, silent }: AlertCase, rule: Rule): string {
  const expected = ([at, all]: [string, Record<string, string>[]]) => ({
    eval_time: at,
    alertname: alert,
    exp_alerts: all.map((labels) => ({
      exp_labels: { ...rule.labels, ...labels },
      exp_annotations: {
        summary: filled(rule.annotations.summary, labels),
        description: filled(rule.annotations.description, labels),
      },
    })),
  });
  return stringify({
    rule_files: [ruleFile],
    evaluation_interval: every,
    tests: [
      {
        name: `${alert}: ${story}`,
        interval: every,
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: [
          ...Object.entries(fires),
          ...silent.map((at): [string, []] => [at, []]),
        ].map(expected),
      },
    ],
  });
}

describe('promtool', { skip: promtoolMissing, timeout: 120_000 }, () => {
  let folder: string;
  let rules: Map<string, Rule>;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cc-alerts-'));
    rules = new Map((await readRules()).map((rule) => [rule.alert, rule]));
  });
  after(async () => await rm(folder, { recursive: true, force: true }));

  const judge = async (cases: readonly AlertCase[]) => {
    const files = cases.map((_, index) => join(folder, `case-${index}.yml`));
    for (const [index, each] of cases.entries()) {
      const rule = rules.get(each.alert);
      assert.ok(rule, `there is no rule ${each.alert}`);
      await writeFile(files[index] ?? '', testOf(each, rule));
    }
    return spawnSync('promtool', ['test', 'rules', ...files], { encoding: 'utf8' });
  };

  it('takes them for rules', () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', ruleFile], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.match(stdout, new RegExp(`SUCCESS: ${rules.size} rules found`));
  });

  it('finds that each alert fires when it should, and is silent when not', async () => {
    const { status, stderr } = await judge(alertCases);
    assert.equal(status, 0, stderr);
  });

  it('finds what is planted: an alert that does not fire, and one that should not', async () => {
    const [example] = alertCases;
    assert.ok(example);
    const wrong: AlertCase[] = [
      { ...example, fires: { '10m': [{ name: 'h1', zone: 'az1' }] }, silent: [] },
      { ...example, fires: {}, silent: ['61m'] },
    ];
    for (const each of wrong) assert.notEqual((await judge([each])).status, 0);
  });

  it('is asked for each alert', () => {
    const fires = new Set(
      alertCases.filter((each) => Object.keys(each.fires).length > 0).map(({ alert }) => alert),
    );
    const silent = new Set(
      alertCases.filter((each) => each.silent.length > 0).map(({ alert }) => alert),
    );
    assert.deepEqual(
      [...rules.keys()].filter((alert) => !fires.has(alert) || !silent.has(alert)),
      [],
    );
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DecisionEntry } from './explain.ts';
import { decisionText } from './explain.ts';

const decision: DecisionEntry = {
  decided_at: '2026-01-01T00:00:00.000Z',
  intent: 'create',
  pipeline: 'p',
  hosts_in: 3,
  hosts_out: 1,
  why_not: 'filter_correct_az: the host is not in the zone az1.',
  steps: [
    {
      step: 'filter_correct_az',
      hosts_out: 1,
      removed: [{ text: 'is not in the zone az1', count: 2, hosts: ['b', 'c'] }],
    },
  ],
  targets: [{ host: 'a', weight: 0.25, weight_by_step: { kvm_binpack: 0.25 } }],
  no_host: null,
  hosts_without_filter: {},
};

test('a decision is told by filters and weights', () => {
  const text = decisionText(decision);
  assert.match(text, /create: 1 of 3 hosts fit \(p\)\nfilter_correct_az: the host is not in/);
  assert.match(text, /filter_correct_az +2 +is not in the zone az1 +b, c/);
  assert.match(text, /HOST +WEIGHT +KVM_BINPACK\n[- ]+\n *a +0\.2500 +0\.2500/);
});

test('that no host was found is told with the cause and what would help', () => {
  const text = decisionText({
    ...decision,
    targets: [],
    hosts_out: 0,
    no_host: { cause: 'capacity', text: 'No host has 1 GiB of memory free.' },
    hosts_without_filter: { filter_correct_az: 2 },
  });
  assert.match(text, /no valid host \(capacity\): No host has 1 GiB of memory free\./);
  assert.match(text, /without filter_correct_az: 2 hosts/);
});

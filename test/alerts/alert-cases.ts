// When each alert fires and when it does not: series of values as a cloud exposes them, for
// promtool. https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/

export interface AlertCase {
  alert: string;
  /** What happens, or does not. */
  story: string;
  /** Interval between two values, and between two evaluations. */
  every: string;
  /** By series: `1x60` is 1 and 60 repetitions of it, `_` no value, `stale` its end. */
  series: Record<string, string>;
  /** At these times it fires, each time with these labels and those of the rule. */
  fires: Record<string, Record<string, string>[]>;
  silent: string[];
}

const hypervisor = (metric: string, labels = ''): string =>
  `kube_customresource_hypervisor_${metric}{name="h1",zone="az1",maintenance=""${labels}}`;
const condition = (type: string, reason: string): string =>
  hypervisor('condition', `,condition="${type}",reason="${reason}"`);
const eviction = (type: string, reason: string): string =>
  `kube_customresource_eviction_condition{name="h1",condition="${type}",reason="${reason}"}`;
const haState = (state: string, instance = 'a'): string =>
  `cobalt_ha_host_state{host="h1",zone="az1",state="${state}",instance="${instance}"}`;
const h1 = { name: 'h1', zone: 'az1' };
const haHost = { host: 'h1', zone: 'az1' };
const looks = 'cobalt_task_seconds_count{task="ha.recover-hosts",outcome="ok"}';
const onboarded = { [condition('Onboarding', 'Succeeded')]: '0x600' };
const evicting = { [eviction('Evicting', 'Running')]: '1x600' };

export const alertCases: readonly AlertCase[] = [
  {
    alert: 'HypervisorOnboardingStuck',
    story: 'an onboarding of more than an hour, whose reason changes meanwhile',
    every: '1m',
    series: {
      [condition('Onboarding', 'Testing')]: '1x39 stale',
      [condition('Onboarding', 'Handover')]: '_x40 1x60',
    },
    fires: { '61m': [h1] },
    silent: ['59m'],
  },
  {
    alert: 'HypervisorOnboardingStuck',
    story: 'an onboarding that ended',
    every: '1m',
    series: { [condition('Onboarding', 'Testing')]: '1x39 stale', ...onboarded },
    fires: {},
    silent: ['30m', '90m'],
  },
  {
    alert: 'HypervisorEvictionStuck',
    story: 'an eviction of more than 4 hours, of two hosts one',
    every: '5m',
    series: {
      [condition('Evicting', 'Running')]: '1x60',
      'kube_customresource_hypervisor_condition{name="h2",zone="az1",condition="Evicting",reason="Succeeded"}':
        '0x60',
    },
    fires: { '245m': [h1] },
    silent: ['235m'],
  },
  {
    alert: 'HypervisorEvictedTooLong',
    story: 'a host that stays empty for a week',
    every: '4m',
    series: {
      [hypervisor('evicted')]: '1x3000',
      [condition('Offboarded', 'Offboarding')]: '0x3000',
    },
    fires: { '7d5m': [h1] },
    silent: ['6d'],
  },
  {
    alert: 'HypervisorEvictedTooLong',
    story: 'one that was offboarded, or is used again',
    every: '4m',
    series: {
      [hypervisor('evicted')]: '1x3000',
      [condition('Offboarded', 'Offboarded')]: '1x3000',
      'kube_customresource_hypervisor_evicted{name="h2",zone="az1"}': '1x400 0x2600',
    },
    fires: {},
    silent: ['7d1h'],
  },
  {
    alert: 'HypervisorTraitSyncFailed',
    story: 'traits that Placement does not take',
    every: '1m',
    series: { [condition('TraitsUpdated', 'Failed')]: '0x60', ...onboarded },
    fires: { '31m': [h1] },
    silent: ['29m'],
  },
  {
    alert: 'HypervisorTraitSyncFailed',
    story: 'a host that is being onboarded',
    every: '1m',
    series: {
      [condition('TraitsUpdated', 'Failed')]: '0x60',
      [condition('Onboarding', 'Handover')]: '1x60',
    },
    fires: {},
    silent: ['50m'],
  },
  {
    alert: 'HypervisorAggregateSyncFailed',
    story: 'an aggregate that is missing',
    every: '1m',
    series: { [condition('AggregatesUpdated', 'Failed')]: '0x60', ...onboarded },
    fires: { '31m': [h1] },
    silent: ['29m'],
  },
  {
    alert: 'HypervisorAggregateSyncFailed',
    story: 'a host that is being emptied',
    every: '1m',
    series: {
      [condition('AggregatesUpdated', 'EvictionInProgress')]: '0x60',
      [condition('Evicting', 'Running')]: '1x60',
      ...onboarded,
    },
    fires: {},
    silent: ['50m'],
  },
  {
    alert: 'HypervisorNotReady',
    story: 'a libvirtd that is away',
    every: '1m',
    series: { [condition('Ready', 'LibVirtServiceNotRunning')]: '0x10' },
    fires: { '6m': [{ ...h1, reason: 'LibVirtServiceNotRunning' }] },
    silent: ['4m'],
  },
  {
    alert: 'HypervisorNotReady',
    story: 'hosts that are ready, or in maintenance',
    every: '1m',
    series: { [condition('Ready', 'Ready')]: '1x10', [condition('Ready', 'Evicted')]: '0x10' },
    fires: {},
    silent: ['9m'],
  },
  {
    alert: 'EvictionFailed',
    story: 'an eviction that failed: its condition is False',
    every: '1m',
    series: {
      [eviction('Evicting', 'Running')]: '1x3 stale',
      [eviction('Evicting', 'Failed')]: '_x4 0x9',
    },
    fires: { '10m': [{ name: 'h1' }] },
    silent: ['8m'],
  },
  {
    alert: 'EvictionFailed',
    story: 'one that succeeded',
    every: '1m',
    series: { [eviction('Evicting', 'Succeeded')]: '0x20' },
    fires: {},
    silent: ['15m'],
  },
  {
    alert: 'EvictionMigrationFailing',
    story: 'a server that cannot be moved, while others are',
    every: '1m',
    series: { [eviction('MigratingInstance', 'Failed')]: '0x90', ...evicting },
    fires: { '61m': [{ name: 'h1' }] },
    silent: ['59m'],
  },
  {
    alert: 'EvictionMigrationFailing',
    story: 'migrations that succeed',
    every: '1m',
    series: { [eviction('MigratingInstance', 'Succeeded')]: '0x90', ...evicting },
    fires: {},
    silent: ['80m'],
  },
  {
    alert: 'EvictionOutstandingRamHigh',
    story: 'memory that is left after 6 hours',
    every: '5m',
    series: {
      'kube_customresource_eviction_outstanding_ram_mb{name="h1"}': '4096x90',
      ...evicting,
    },
    fires: { '365m': [{ name: 'h1' }] },
    silent: ['355m'],
  },
  {
    alert: 'EvictionOutstandingRamHigh',
    story: 'an eviction that has moved all, and one that failed',
    every: '5m',
    series: {
      'kube_customresource_eviction_outstanding_ram_mb{name="h1"}': '4096x20 0x70',
      'kube_customresource_eviction_outstanding_ram_mb{name="h2"}': '4096x90',
      ...evicting,
    },
    fires: {},
    silent: ['400m'],
  },
  {
    alert: 'HypervisorOperatorReconcileErrors',
    story: 'a controller that fails every minute',
    every: '1m',
    series: {
      'controller_runtime_reconcile_errors_total{controller="traits"}': '0+1x40',
      'controller_runtime_reconcile_errors_total{controller="ready"}': '3x40',
    },
    fires: { '25m': [{ controller: 'traits' }] },
    silent: ['10m'],
  },
  {
    alert: 'HypervisorOperatorDown',
    story: 'an operator that is scraped no more',
    every: '1m',
    series: { 'workqueue_depth{name="hypervisor"}': '0x20 stale' },
    fires: { '27m': [{}], '20h': [{}] },
    silent: ['15m', '25m', '26h'],
  },
  {
    alert: 'HypervisorOperatorDown',
    story: 'one of two that runs, and a cloud without one',
    every: '1m',
    series: {
      'workqueue_depth{name="hypervisor",instance="a"}': '0x20 stale',
      'workqueue_depth{name="hypervisor",instance="b"}': '0x90',
      'workqueue_depth{name="other"}': '0x20 stale',
    },
    fires: {},
    silent: ['60m'],
  },
  {
    alert: 'HaHostRecovering',
    story: 'a host that died, as two engines tell it',
    every: '15s',
    series: {
      [haState('Healthy')]: '1x3 stale',
      [haState('Fencing')]: '_x4 1 stale',
      [haState('Evacuating')]: '_x5 1x3 stale',
      [haState('Evacuating', 'b')]: '_x5 1x3 stale',
      [haState('Recovered')]: '_x9 1x10',
    },
    fires: { '1m': [haHost], '2m': [haHost] },
    silent: ['45s', '3m'],
  },
  {
    alert: 'HaHostAwaitsOperator',
    story: 'a host that was recovered, and is not acknowledged',
    every: '1m',
    series: { [haState('Recovered')]: '1x30' },
    fires: { '16m': [haHost] },
    silent: ['14m'],
  },
  {
    alert: 'HaHostNotFenced',
    story: 'fencing that fails, is tried again, and ends by a person',
    every: '15s',
    series: {
      [haState('FailedToFence')]: '1x1 stale 1x1 stale',
      [haState('Fencing')]: '_x2 1 stale _x1 1 stale',
      [haState('Evacuating')]: '_x8 1x20',
    },
    fires: { '15s': [haHost], '30s': [haHost], '75s': [haHost] },
    silent: ['2m', '5m'],
  },
  {
    alert: 'HaHostNotFenced',
    story: 'a host that is being fenced',
    every: '15s',
    series: { [haState('Fencing')]: '1x20' },
    fires: {},
    silent: ['1m'],
  },
  {
    alert: 'HaTooManyHostsFail',
    story: 'half of the hosts fail at once, for two minutes',
    every: '15s',
    series: { cobalt_ha_fencing_refusals_total: '0x4 0+15x8 120x20' },
    fires: { '2m': [{}] },
    silent: ['1m', '6m'],
  },
  {
    alert: 'HaServerNotRecovered',
    story: 'a server that is given up; one that succeeded or was ignored is not',
    every: '1m',
    series: {
      'cobalt_ha_servers_total{result="failed"}': '0x10 1x100',
      'cobalt_ha_servers_total{result="succeeded"}': '0x5 7x100',
      'cobalt_ha_servers_total{result="ignored"}': '0x5 2x100',
    },
    fires: { '12m': [{}], '60m': [{}] },
    silent: ['9m', '80m'],
  },
  {
    alert: 'HaEngineNotLooking',
    story: 'looks that end in errors, and later an engine that is gone',
    every: '1m',
    series: {
      'cobalt_ha_enabled{instance="a"}': '1x30 stale',
      [looks]: '0+60x10 600x19 stale',
      'cobalt_task_seconds_count{task="ha.recover-hosts",outcome="error"}': '0x10 0+60x19 stale',
    },
    fires: { '16m': [{}], '60m': [{}] },
    silent: ['10m'],
  },
  {
    alert: 'HaEngineNotLooking',
    story: 'one of two engines ends, and HA is switched off at a third',
    every: '1m',
    series: {
      'cobalt_ha_enabled{instance="a"}': '1x10 stale',
      'cobalt_ha_enabled{instance="b"}': '1x60',
      'cobalt_task_seconds_count{task="ha.recover-hosts",outcome="ok",instance="b"}': '0+30x60',
    },
    fires: {},
    silent: ['20m', '50m'],
  },
  {
    alert: 'HaEngineNotLooking',
    story: 'HA is off, or was switched off',
    every: '1m',
    series: { cobalt_ha_enabled: '1x5 0x60', [looks]: '0+60x5 stale' },
    fires: {},
    silent: ['20m'],
  },
  {
    alert: 'HaAgentHeartbeatLost',
    story: 'an agent that no engine hears, on a host that lives',
    every: '15s',
    series: {
      'cobalt_ha_agent_silent_seconds{host="h1",zone="az1",instance="a"}': '0+15x20',
      'cobalt_ha_agent_silent_seconds{host="h1",zone="az1",instance="b"}': '0+15x20',
      [haState('Suspect')]: '1x20',
    },
    fires: { '75s': [haHost] },
    silent: ['45s'],
  },
  {
    alert: 'HaAgentHeartbeatLost',
    story: 'an agent that one engine hears, and a host that HA holds off',
    every: '15s',
    series: {
      'cobalt_ha_agent_silent_seconds{host="h1",zone="az1",instance="a"}': '0+15x20',
      'cobalt_ha_agent_silent_seconds{host="h1",zone="az1",instance="b"}': '1x20',
      'cobalt_ha_agent_silent_seconds{host="h2",zone="az1",instance="b"}': '0+15x20',
      'cobalt_ha_host_state{host="h2",zone="az1",state="Recovered"}': '1x20',
    },
    fires: {},
    silent: ['4m'],
  },
];

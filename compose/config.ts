// The settings of a cloud, with their defaults. Read from <state folder>/cobalt.yaml and variables.
import Type from 'typebox';
import type { Static, TSchema } from 'typebox';
import { novaAgentDefaults } from '#agents/nova-agent/deps.ts';
import { cinderDefaults } from '#services/cinder/deps.ts';
import { cortexDefaults } from '#services/cortex/deps.ts';
import { glanceDefaults } from '#services/glance/deps.ts';
import { haDefaults } from '#services/ha/deps.ts';
import { neutronDefaults } from '#services/neutron/deps.ts';
import { novaDefaults } from '#services/nova/deps.ts';

const ms = (value: number) => Type.Integer({ minimum: 0, default: value });
const count = (value: number) => Type.Integer({ minimum: 1, default: value });
const ratio = (value: number) => Type.Number({ exclusiveMinimum: 0, default: value });
export const section = <T extends Record<string, TSchema>>(fields: T) =>
  Type.Object(fields, { additionalProperties: false, default: {} });

export const cloudConfigSchema = Type.Object(
  {
    acceleration: Type.Enum(['auto', 'kvm', 'tcg'], { default: 'auto' }),
    api: section({
      host: Type.String({ default: '127.0.0.1' }),
      region: Type.String({ default: 'RegionOne' }),
      metricsFrom: Type.Enum(['loopback', 'anywhere'], { default: 'loopback' }),
    }),
    database: section({
      synchronous: Type.String({ pattern: '^(OFF|NORMAL|FULL)$', default: 'NORMAL' }),
    }),
    keystone: section({
      tokenLifetimeMs: ms(3_600_000),
      lockoutFailures: Type.Integer({ minimum: 0, default: 5 }),
      lockoutMs: ms(300_000),
      passwordsWaiting: Type.Integer({ minimum: 1, default: 512 }),
      passwordsWaitingPerSource: Type.Integer({ minimum: 1, default: 128 }),
    }),
    glance: section({
      requireFormatMatch: Type.Boolean({ default: glanceDefaults.requireFormatMatch }),
      keepDeletedMs: ms(glanceDefaults.keepDeletedMs),
    }),
    nova: section({
      shutdownTimeoutMs: ms(novaDefaults.shutdownTimeoutMs),
      serviceDownMs: ms(novaDefaults.serviceDownMs),
      consoleTokenMs: ms(novaDefaults.consoleTokenMs),
      vifPluggingTimeoutMs: ms(novaDefaults.vifPluggingTimeoutMs),
      resizeConfirmWindowMs: ms(novaDefaults.resizeConfirmWindowMs),
      keepDeletedMs: ms(novaDefaults.keepDeletedMs),
      maxBuildAttempts: Type.Integer({ minimum: 1, default: novaDefaults.maxBuildAttempts }),
      defaultZone: Type.String({ minLength: 1, default: novaDefaults.defaultZone }),
      shelvedOffloadMs: Type.Integer({ minimum: -1, default: novaDefaults.shelvedOffloadMs }),
      liveMigrationCompletionTimeoutMs: ms(novaDefaults.liveMigrationCompletionTimeoutMs),
      liveMigrationTimeoutAction: Type.Enum(['abort', 'force_complete'], {
        default: novaDefaults.liveMigrationTimeoutAction,
      }),
      liveMigrationPermitPostCopy: Type.Boolean({
        default: novaDefaults.liveMigrationPermitPostCopy,
      }),
      liveMigrationPermitAutoConverge: Type.Boolean({
        default: novaDefaults.liveMigrationPermitAutoConverge,
      }),
      liveMigrationBandwidth: Type.Integer({
        minimum: 0,
        default: novaDefaults.liveMigrationBandwidth,
      }),
    }),
    neutron: section({
      publicCidr: Type.String({ default: '' }),
      dnsServers: Type.String({ default: '' }),
      agentDownMs: ms(neutronDefaults.agentDownMs),
    }),
    cortex: section({
      enabled: Type.Boolean({ default: false }),
      schedulersNeedToken: Type.Boolean({ default: cortexDefaults.schedulersNeedToken }),
    }),
    ha: section({
      enabled: Type.Boolean({ default: haDefaults.enabled }),
      agentTimeoutMs: ms(haDefaults.agentTimeoutMs),
      storageTimeoutMs: ms(haDefaults.storageTimeoutMs),
      // The minimum is the period of the HA engine's passes.
      confirmMs: Type.Integer({ minimum: 1_000, default: haDefaults.confirmMs }),
      startGraceMs: ms(haDefaults.startGraceMs),
      maxHosts: count(haDefaults.maxHosts),
      maxZonePercent: Type.Integer({
        minimum: 1,
        maximum: 100,
        default: haDefaults.maxZonePercent,
      }),
      fencingVerifications: count(haDefaults.fencingVerifications),
      bmcGiveUpMs: ms(haDefaults.bmcGiveUpMs),
      selfFencingMs: ms(haDefaults.selfFencingMs),
      fencingRetryMs: ms(haDefaults.fencingRetryMs),
      evacuationsAtOnce: count(haDefaults.evacuationsAtOnce),
      evacuationsPerTarget: count(haDefaults.evacuationsPerTarget),
      evacuationAttempts: count(haDefaults.evacuationAttempts),
      evacuationTimeoutMs: ms(haDefaults.evacuationTimeoutMs),
      guestRestarts: Type.Integer({ minimum: 0, default: haDefaults.guestRestarts }),
      guestForgetMs: ms(haDefaults.guestForgetMs),
      hypervisorAwayMs: ms(haDefaults.hypervisorAwayMs),
      neighboursPerSide: count(haDefaults.neighboursPerSide),
    }),
    bmc: section({ timing: Type.Enum(['immediate', 'task'], { default: 'immediate' }) }),
    cinder: section({ copyTimeoutMs: ms(cinderDefaults.copyTimeoutMs) }),
    ontap: section({
      origin: Type.String({ default: '' }),
      user: Type.String({ default: '' }),
      password: Type.String({ default: '' }),
      caFile: Type.String({ default: '' }),
      svm: Type.String({ default: '' }),
      volume: Type.String({ default: '' }),
      nfsServer: Type.String({ default: '' }),
    }),
    agent: section({
      cpuAllocationRatio: ratio(novaAgentDefaults.cpuAllocationRatio),
      ramAllocationRatio: ratio(novaAgentDefaults.ramAllocationRatio),
      diskAllocationRatio: ratio(novaAgentDefaults.diskAllocationRatio),
      resumeGuests: Type.Boolean({ default: novaAgentDefaults.resumeGuests }),
      keepImagesMs: ms(novaAgentDefaults.keepImagesMs),
      maxConcurrentLiveMigrations: Type.Integer({
        minimum: 0,
        default: novaAgentDefaults.maxConcurrentLiveMigrations,
      }),
    }),
  },
  { additionalProperties: false },
);

export type CloudConfig = Static<typeof cloudConfigSchema>;

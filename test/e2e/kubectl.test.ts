// An unmodified kubectl against the Kubernetes API of an embedded cloud, with an operator's
// commands.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runChild } from '#platform/child-process.ts';
import type { TestCloud } from './cloud.testing.ts';
import { testCloud } from './cloud.testing.ts';

const isInstalled = spawnSync('kubectl', ['version', '--client']).status === 0;
const skip = isInstalled ? false : 'kubectl is not installed: Debian has none of a recent release';

const hypervisor = `
apiVersion: kvm.cloud.sap/v1
kind: Hypervisor
metadata: { name: rack1, labels: { topology.kubernetes.io/zone: az1 } }
spec: { customTraits: [CUSTOM_A] }
`;

describe('kubectl', { skip }, () => {
  let cloud: TestCloud;
  let file: string;

  before(async () => {
    cloud = await testCloud();
    await cloud.up('--hosts=0', '--simulated=2');
    file = join(cloud.dir, 'rack1.yaml');
    await writeFile(file, hypervisor);
  });
  after(async () => await cloud.close());

  async function kubectl(...words: string[]): Promise<{ code: number; out: string; err: string }> {
    const { code, stdout, stderr } = await runChild(['kubectl', ...words], {
      timeoutMs: 60_000,
      env: {
        PATH: process.env['PATH'],
        HOME: cloud.dir, // kubectl keeps its cache here
        KUBECONFIG: join(cloud.dir, 'kubernetes/kubeconfig'),
      },
    });
    return { code: code ?? -1, out: stdout, err: stderr };
  }
  async function must(...words: string[]): Promise<string> {
    const { code, out, err } = await kubectl(...words);
    assert.equal(code, 0, `kubectl ${words.join(' ')}: ${err}`);
    return out;
  }

  it('knows the server, the user and the kinds', async () => {
    assert.match(await must('version'), /Server Version: v1\.32\.0\+cobaltcore/);
    assert.equal(
      (await cloud.cobalt('kubeconfig', '--path')).trim(),
      join(cloud.dir, 'kubernetes/kubeconfig'),
    );
    const kinds = await must('api-resources', '-o', 'name');
    for (const kind of [
      'hypervisors.kvm.cloud.sap',
      'nodes',
      'deployments.apps',
      'leases.coordination.k8s.io',
    ])
      assert.match(kinds, new RegExp(`^${kind.replaceAll('.', '\\.')}$`, 'm'));
    assert.equal((await must('auth', 'can-i', 'delete', 'hypervisors')).trim(), 'yes');
  });

  it('makes namespaces, config maps and secrets, which it sends as protobuf', async () => {
    await must('create', 'namespace', 'team');
    await must('create', 'configmap', 'settings', '-n', 'team', '--from-literal=a=b');
    await must('create', 'secret', 'generic', 'key', '-n', 'team', '--from-literal=c=d');
    assert.equal(
      await must('get', 'cm', 'settings', '-n', 'team', '-o', 'jsonpath={.data.a}'),
      'b',
    );
    const encoded = await must('get', 'secret', 'key', '-n', 'team', '-o', 'jsonpath={.data.c}');
    assert.equal(Buffer.from(encoded, 'base64').toString(), 'd');
    await must('wait', '--for=create', 'serviceaccount/default', '-n', 'team', '--timeout=20s');
    await must('delete', 'namespace', 'team', '--timeout=30s');
    assert.match((await kubectl('get', 'cm', '-n', 'team')).err, /No resources found/);
  });

  it('applies a hypervisor, explains it, shows it, describes it and changes it', async () => {
    assert.match(await must('apply', '-f', file), /rack1 created/);
    assert.match(await must('apply', '-f', file), /rack1 unchanged/);
    assert.match(
      await must('get', 'hv'),
      /NAME +READY +STATE +TAINT +LIFECYCLE +HIGH AVAILABILITY/,
    );
    assert.match(await must('get', 'hv', '-o', 'wide'), /^rack1 +az1 /m);
    assert.match(await must('describe', 'hv', 'rack1'), /Lifecycle Enabled: +true/);
    assert.match(await must('explain', 'hv.spec.maintenance'), /FIELD: maintenance <string>/);
    await must('label', 'hv', 'rack1', 'room=3');
    assert.match(
      await must('get', 'hv', '-l', 'room=3', '-o', 'name'),
      /hypervisor\.kvm\.cloud\.sap\/rack1/,
    );
    // A condition that no controller owns, so that none overwrites it.
    const status =
      '{"status":{"conditions":[{"type":"Inspected","status":"True","reason":"Done","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}';
    const waiting = must('wait', '--for=condition=Inspected', 'hv/rack1', '--timeout=30s');
    await must('patch', 'hv', 'rack1', '--subresource=status', '--type=merge', '-p', status);
    assert.match(await waiting, /condition met/);
  });

  it('shows what the hosts are, as their node agents say', async () => {
    await must('wait', '--for=condition=LibVirtConnection', 'hv/sim0001', '--timeout=30s');
    assert.match(
      await must('get', 'hv', 'sim0001', '-o', 'wide'),
      /^sim0001 .* Simulated host 1 .* simulated +1\.0\.0-sim /m,
    );
    const described = await must('describe', 'hv', 'sim0001');
    assert.match(described, /Effective Capacity:\n +Cpu: +64\n +Memory: +256Gi/);
    assert.match(described, /Type: +libvirtd\.service/);
    assert.match(await must('get', 'nodes', '-o', 'wide'), /^sim0001 .* Simulated host 1 /m);
    assert.match((await kubectl('get', 'migrations')).err, /No resources found/);
  });

  it('is told what is wrong, before anything is changed', async () => {
    const refused = async (patch: string): Promise<string> =>
      (await kubectl('patch', 'hv', 'rack1', '--type=merge', '-p', patch)).err;
    assert.match(
      await refused('{"spec":{"maintenance":"now"}}'),
      /spec\.maintenance: Unsupported value: "now"/,
    );
    assert.match(
      await refused('{"spec":{"maintenance":"manual"}}'),
      /maintenanceReason must be non-empty/,
    );
    assert.match(
      await refused('{"spec":{"overcommit":{"cpu":0.5}}}'),
      /overcommit ratios must be >= 1\.0/,
    );
    await writeFile(file, hypervisor.replace('customTraits', 'customTrait'));
    assert.match((await kubectl('apply', '-f', file)).err, /unknown field "spec\.customTrait"/);
  });

  it('applies on the server, and learns whose a field is', async () => {
    await writeFile(file, hypervisor.replace('CUSTOM_A', 'CUSTOM_B'));
    const conflict = await kubectl('apply', '--server-side', '--field-manager=other', '-f', file);
    assert.notEqual(conflict.code, 0);
    assert.match(
      conflict.err,
      /conflict with "kubectl-client-side-apply" using kvm\.cloud\.sap\/v1: \.spec\.customTraits/,
    );
    await must('apply', '--server-side', '--field-manager=other', '--force-conflicts', '-f', file);
    assert.equal(
      await must('get', 'hv', 'rack1', '-o', 'jsonpath={.spec.customTraits[0]}'),
      'CUSTOM_B',
    );
  });

  it('makes roles and tokens, by which others get in, and no further', async () => {
    await must('create', 'serviceaccount', 'watcher');
    await must('create', 'role', 'maps', '--verb=get', '--resource=configmaps');
    await must('create', 'rolebinding', 'maps', '--role=maps', '--user=ann');
    await must(
      'create',
      'clusterrole',
      'hvs',
      '--verb=list',
      '--resource=hypervisors.kvm.cloud.sap',
    );
    await must(
      'create',
      'clusterrolebinding',
      'hvs',
      '--clusterrole=hvs',
      '--serviceaccount=default:watcher',
    );
    const token = (await must('create', 'token', 'watcher')).trim();
    const server = (
      await must('config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}')
    ).trim();
    const authority = join(cloud.dir, 'kubernetes/authority.crt');
    const as = [
      '--kubeconfig=/dev/null',
      `--server=${server}`,
      `--certificate-authority=${authority}`,
    ];
    const listed = await kubectl(...as, `--token=${token}`, 'get', 'hv', '-o', 'name');
    assert.match(listed.out, /sim0001/, listed.err);
    const refusal = await kubectl(...as, `--token=${token}`, 'get', 'nodes');
    assert.match(refusal.err, /User "system:serviceaccount:default:watcher" cannot list/);
    assert.match(
      (await kubectl(...as, `--token=${token}x`, 'get', 'hv')).err,
      /logged in|Unauthorized/,
    );
    assert.match((await kubectl('auth', 'can-i', 'get', 'cm', '--as=ann')).out, /^yes/);
    assert.match((await kubectl('auth', 'can-i', 'list', 'cm', '--as=ann')).out, /^no/);
    assert.match(await must('get', 'clusterrole', 'view'), /NAME +CREATED AT\nview /);
  });

  it('trusts no certificate of another authority', async () => {
    const [key, certificate] = [join(cloud.dir, 'other.key'), join(cloud.dir, 'other.crt')];
    const certificateRun = await runChild(
      ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1'].concat([
        '-keyout',
        key,
        '-out',
        certificate,
        '-subj',
        '/O=system:masters/CN=admin',
      ]),
      { timeoutMs: 60_000 },
    );
    assert.equal(certificateRun.code, 0, certificateRun.stderr);
    const server = (
      await must('config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}')
    ).trim();
    const { code, err } = await kubectl(
      '--kubeconfig=/dev/null',
      `--server=${server}`,
      `--certificate-authority=${join(cloud.dir, 'kubernetes/authority.crt')}`,
      `--client-certificate=${certificate}`,
      `--client-key=${key}`,
      'get',
      'nodes',
    );
    assert.notEqual(code, 0);
    assert.match(err, /logged in|Unauthorized/);
  });

  it('cordons, taints and drains nodes, and tells what the operator did', async () => {
    await must('cordon', 'sim0001');
    assert.match(await must('get', 'node', 'sim0001'), /SchedulingDisabled/);
    await must('taint', 'node', 'sim0001', 'a=b:NoSchedule');
    await must('drain', 'sim0001');
    await must('uncordon', 'sim0001');
    assert.match(await must('describe', 'hv', 'sim0001'), /Normal +OnboardingSucceeded/);
    assert.match(await must('get', 'events'), /hypervisor\/sim0001/);
  });

  it('compares, replaces, prunes, and says what it cannot read', async () => {
    const map = (value: string): string =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'pruned', namespace: 'default', labels: { set: 'one' } },
        data: { value },
      });
    await writeFile(file, map('1'));
    await must('apply', '-f', file);
    await writeFile(file, map('2'));
    assert.match((await kubectl('diff', '-f', file)).out, /^\+ +value: "2"/m);
    await must('replace', '-f', file);
    assert.equal((await kubectl('diff', '-f', file)).code, 0);
    // A replaced object lacks the annotation of `apply`, and `--prune` deletes only applied
    // objects.
    await must('apply', '-f', file);
    await writeFile(file, map('2').replace('pruned', 'kept'));
    const prune = ['--prune', '-l', 'set=one', '--prune-allowlist=core/v1/ConfigMap'];
    assert.match(await must('apply', '-f', file, ...prune), /configmap\/pruned pruned/);
    const { code, err } = await kubectl('create', 'deployment', 'd', '--image=x');
    assert.notEqual(code, 0);
    assert.match(
      err,
      /Deployment of apps\/v1 is not taken as protobuf here; send application\/json/,
    );
    assert.match(await must('api-versions'), /^kvm\.cloud\.sap\/v1$/m);
    assert.match(await must('get', '--raw', '/'), /"paths"/);
  });

  it('keeps what it stored when the control plane is killed', async () => {
    await cloud.killControl();
    assert.equal(
      await must('get', 'hv', 'rack1', '-o', 'jsonpath={.spec.customTraits[0]}'),
      'CUSTOM_B',
    );
    await must('delete', 'hv', 'rack1');
    assert.match((await kubectl('get', 'hv', 'rack1')).err, /NotFound/);
  });
});

import { startPrivateLibvirtd } from '#adapters/libvirt/libvirtd.testing.ts';
import { buildTestGuest } from '#adapters/libvirt/guest.testing.ts';
import { createLibvirtHypervisor } from '#adapters/libvirt/libvirt-hypervisor.ts';
import { silentLog } from '#platform/log.ts';
import { randomUUID } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { createReadStream, statSync, writeFileSync, mkdirSync, cpSync, readFileSync, existsSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
const g = await buildTestGuest(); if ('skip' in g) process.exit(1);
const l = await startPrivateLibvirtd(); const state = l.folder + '/state';
const h = createLibvirtHypervisor({ socketPath: l.socketPath, stateDir: state, acceleration: 'tcg' }, { log: silentLog });
const uri = `qemu+unix:///system?socket=${l.socketPath}`;
import { LibvirtClient } from '#adapters/libvirt/rpc/client.ts';
import * as cp from 'node:child_process';
const oc = LibvirtClient.prototype.call; let t0 = 0;
LibvirtClient.prototype.call = async function (this: any, p: any, a: any, m: any) { const t = performance.now(); const r = await (oc as any).call(this, p, a, m); if (process.env.TRACE) console.log('  rpc', p.name, Math.round(t - t0), '->', Math.round(performance.now() - t0)); return r; } as any;
const ms: Record<string, number[]> = { create: [], createFirst: [], virsh: [], virshFirst: [] };
const firstLine = async (f: string, t: number) => { while (!existsSync(f) || statSync(f).size === 0) await sleep(5); return performance.now() - t; };
try {
  await h.facts();
  const kernel = { id: 'kern', diskFormat: 'aki', sizeBytes: statSync(g.kernelPath).size, checksum: '' };
  const ramdisk = { id: 'ram', diskFormat: 'ari', sizeBytes: statSync(g.ramdiskPath).size, checksum: '' };
  await h.ensureImage(kernel, async () => createReadStream(g.kernelPath)); await h.ensureImage(ramdisk, async () => createReadStream(g.ramdiskPath));
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '/tmp/zz.qcow2', '100M']);
  const img = { id: 'img', diskFormat: 'qcow2', sizeBytes: statSync('/tmp/zz.qcow2').size, checksum: '' }; await h.ensureImage(img, async () => createReadStream('/tmp/zz.qcow2'));
  const mk = (uuid: string) => ({ uuid, name: 'i-' + uuid.slice(0, 6), displayName: 'vm', projectId: 'p', userId: 'u', vcpus: 1, memoryMib: 128, rootDisk: { image: img, sizeGib: 1, bus: 'virtio' as const }, ephemeralGib: 0, swapMib: 0, kernel: { kernel, ramdisk, commandLine: '' }, configDrive: { 'openstack/latest/meta_data.json': '{}' , 'openstack/latest/user_data': 'x' }, machineType: null, cpuModel: null, nics: [] });
  for (let i = 0; i < Number(process.env.N ?? 8); i++) {
    const uuid = randomUUID(); const log = `${state}/guests/${uuid}/console.log`;
    let t = performance.now(); t0 = t; const r = await h.create(mk(uuid)); if (r) throw r;
    const d = performance.now() - t; const f = await firstLine(log, t);
    const xml = execFileSync('virsh', ['-c', uri, 'dumpxml', '--inactive', uuid]).toString();
    cpSync(`${state}/guests/${uuid}`, '/tmp/zzguest', { recursive: true });
    await h.destroy(uuid);
    cpSync('/tmp/zzguest', `${state}/guests/${uuid}`, { recursive: true }); rmSync('/tmp/zzguest', { recursive: true }); rmSync(log);
    writeFileSync('/tmp/zz.xml', xml);
    t = performance.now(); execFileSync('virsh', ['-c', uri, 'create', '/tmp/zz.xml']); const dv = performance.now() - t; const fv = await firstLine(log, t);
    execFileSync('virsh', ['-c', uri, 'destroy', uuid]); await h.destroy(uuid);
    ms.create!.push(d); ms.createFirst!.push(f); ms.virsh!.push(dv); ms.virshFirst!.push(fv);
  }
  for (const [k, v] of Object.entries(ms)) console.log(k, v.map(Math.round).join(' '), 'median', Math.round([...v].sort((a, b) => a - b)[v.length >> 1]!));
} finally { await h.close(); await l.close(); }

// Which data Glance accepts for an image: its content must match the image's disk_format.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { qcow2Header, startGlance, type Answer, type TestGlance } from './glance.testing.ts';

const text = (head: string, sizeBytes = 1024): Buffer => {
  const bytes = Buffer.alloc(sizeBytes);
  bytes.write(head, 'latin1');
  return bytes;
};
const patched = (bytes: Buffer, write: (bytes: Buffer) => unknown): Buffer => {
  const copy = Buffer.from(bytes);
  write(copy);
  return copy;
};
const descriptor = (createType: string, more = ''): string =>
  `# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n${more}createType="${createType}"\nRW 2048 SPARSE "x.vmdk"\n`;
const vmdk = (embedded: string, capacity = 2048n): Buffer =>
  patched(text('KDMV', 64 * 1024), (bytes) => {
    bytes.writeBigUInt64LE(capacity, 12);
    bytes.writeBigUInt64LE(1n, 28);
    bytes.writeBigUInt64LE(20n, 36);
    bytes.write(embedded, 512);
  });
const iso = patched(Buffer.alloc(40 * 1024), (bytes) =>
  bytes.write('\x01CD001\x01', 32 * 1024, 'latin1'),
);
const vdi = patched(Buffer.alloc(512), (bytes) => bytes.writeUInt32LE(0xbeda107f, 64));
const fixedVhd = Buffer.concat([Buffer.alloc(4096), text('conectix', 512)]);
const masterBootRecord = patched(Buffer.alloc(1024), (bytes) => bytes.writeUInt16BE(0x55aa, 510));
const qcow2 = qcow2Header(1024);

describe('the content of images', () => {
  let glance: TestGlance;
  before(async () => {
    glance = await startGlance();
  });
  after(async () => await glance.close());

  async function send(
    diskFormat: string,
    data: Buffer,
    { containerFormat = 'bare', path = 'file', to = glance } = {},
  ): Promise<{ answer: Answer; status: string; storedCount: number }> {
    const {
      body: { id },
    } = await to.ask('ann', 'POST', '/images', {
      name: 'x',
      disk_format: diskFormat,
      container_format: containerFormat,
    });
    const answer = await to.ask('ann', 'PUT', `/images/${id}/${path}`, data);
    const {
      body: { status },
    } = await to.ask('ann', 'GET', `/images/${id}`);
    return {
      answer,
      status,
      storedCount: (await to.store.list()).filter(({ key }) => key.startsWith(id)).length,
    };
  }

  it('is taken where it is what its disk_format says', async () => {
    const accepted: [string, Buffer][] = [
      ['raw', Buffer.alloc(0)],
      ['raw', Buffer.from('anything')],
      ['raw', masterBootRecord],
      ['raw', iso],
      ['raw', fixedVhd],
      ['qcow2', qcow2],
      ['vdi', vdi],
      ['iso', iso],
      ['iso', text('\0'.repeat(32_769) + 'NSR02', 40_000)],
      ['vhd', text('conectix')],
      ['vhd', fixedVhd],
      ['vhdx', text('vhdxfile')],
      ['ploop', text('WithouFreSpacExt')],
      ['ploop', text('WithoutFreeSpace')],
      ['vmdk', vmdk(descriptor('monolithicSparse'))],
      ['vmdk', vmdk(descriptor('streamOptimized'))],
      ['vmdk', patched(vmdk(''), (bytes) => bytes.fill(0, 28, 44))],
      ['ami', qcow2],
      ['aki', text('MZ')],
      ['ari', text('\x1f\x8b')],
      ['qcow2', patched(qcow2, (bytes) => bytes.writeBigUInt64BE(0b11011n, 72))],
      ['qcow2', patched(qcow2, (bytes) => bytes.writeUInt32BE(2, 4))],
    ];
    for (const [diskFormat, data] of accepted) {
      const { answer, status } = await send(diskFormat, data);
      assert.deepEqual(
        [answer.status, status],
        [204, 'active'],
        `${diskFormat} ${data.subarray(0, 16).toString('latin1')}: ${answer.body}`,
      );
    }
  });

  it('is refused where it is something else, or refers to other files, and nothing of it is kept', async () => {
    const refused: [string, Buffer, RegExp][] = [
      ...['qcow2', 'vmdk', 'vdi', 'vhd', 'vhdx', 'iso', 'ploop'].flatMap(
        (format): [string, Buffer, RegExp][] => [
          [format, Buffer.from('anything'), /no such signature/],
          [format, Buffer.alloc(0), /no such signature/],
          [format, masterBootRecord, /no such signature/],
        ],
      ),
      ...['raw', 'vmdk', 'iso', 'vhd'].map((format): [string, Buffer, RegExp] => [
        format,
        qcow2,
        /looks like qcow2/,
      ]),
      ...['raw', 'qcow2'].flatMap((format): [string, Buffer, RegExp][] => [
        [format, text(descriptor('monolithicFlat')), /looks like vmdk/],
        [format, text('QED\0'), /looks like qed/],
        [format, text('LUKS\xba\xbe'), /looks like luks/],
        [format, vdi, /looks like vdi/],
        [format, text('conectix'), /looks like vhd/],
        [format, text('vhdxfile'), /looks like vhdx/],
        [format, vmdk(''), /looks like vmdk/],
        [format, text('COWD'), /looks like vmdk/],
        [format, text('WithoutFreeSpace'), /looks like ploop/],
        [format, text(`\n  # a remark\n${descriptor('vmfs')}`), /looks like vmdk/],
        [format, text(`# no more\n\nversion=1\n${descriptor('vmfs')}`), /looks like vmdk/],
      ]),
      ['qcow2', patched(iso, (bytes) => qcow2.copy(bytes)), /looks like iso/],
      ['iso', patched(iso, (bytes) => qcow2.copy(bytes)), /looks like qcow2/],
      ['qcow2', patched(qcow2, (bytes) => bytes.writeBigUInt64BE(112n, 8)), /backing file/],
      ['qcow2', patched(qcow2, (bytes) => bytes.writeBigUInt64BE(4n, 72)), /data file/],
      [
        'qcow2',
        patched(qcow2, (bytes) => bytes.writeBigUInt64BE(1n << 33n, 72)),
        /unknown features/,
      ],
      ['qcow2', patched(qcow2, (bytes) => bytes.writeUInt32BE(2, 32)), /encrypted/],
      ['qcow2', patched(qcow2, (bytes) => bytes.writeUInt32BE(1, 4)), /version 1/],
      ['qcow2', qcow2.subarray(0, 40), /cut off/],
      ['qcow2', qcow2.subarray(0, 76), /cut off/],
      ['vmdk', text(descriptor('monolithicSparse')), /other files/],
      ['vmdk', text('COWD'), /other files/],
      ['vmdk', vmdk(descriptor('monolithicSparse'), 0n), /other files/],
      ['vmdk', vmdk(descriptor('monolithicFlat')), /monolithicflat/],
      [
        'vmdk',
        vmdk(descriptor('monolithicFlat', 'createType="monolithicSparse"\n')),
        /not supported/,
      ],
      ['vmdk', vmdk(descriptor('monolithicFlat').toUpperCase()), /not supported/],
      ['vmdk', vmdk(descriptor('monolithicSparse').replace('=ffffffff', '=12345678')), /parent/],
      ['vmdk', patched(vmdk(''), (bytes) => bytes.writeBigUInt64LE(2n ** 40n, 36)), /too large/],
      ['vmdk', text('KDMV', 40), /cut off/],
    ];
    for (const [diskFormat, data, words] of refused) {
      for (const path of ['file', 'stage']) {
        const { answer, status, storedCount } = await send(diskFormat, data, { path });
        assert.deepEqual(
          [answer.status, status, storedCount],
          [415, 'queued', 0],
          `${diskFormat} ${data.subarray(0, 16).toString('latin1')}`,
        );
        assert.match(String(answer.body), words);
      }
    }
  });

  it('is not looked at in containers that hold something else, nor where the operator says so', async () => {
    for (const containerFormat of ['ova', 'ovf', 'docker', 'compressed'])
      assert.equal(
        (await send('qcow2', Buffer.from('a tar file'), { containerFormat })).answer.status,
        204,
        containerFormat,
      );
    const lenient = await startGlance({ config: { requireFormatMatch: false } });
    assert.equal(
      (await send('qcow2', Buffer.from('anything'), { to: lenient })).answer.status,
      204,
    );
    await lenient.close();
  });

  it('may be sent again after a refusal', async () => {
    const {
      body: { id },
    } = await glance.ask('ann', 'POST', '/images', {
      name: 'x',
      disk_format: 'qcow2',
      container_format: 'bare',
    });
    assert.equal(
      (await glance.ask('ann', 'PUT', `/images/${id}/file`, Buffer.from('no'))).status,
      415,
    );
    assert.equal((await glance.ask('ann', 'PUT', `/images/${id}/file`, qcow2)).status, 204);
  });
});

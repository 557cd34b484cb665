// The guest that measures acceleration: an initial RAM disk whose init prints one line and ends
// QEMU at once. With a real kernel it shows whether paging and user mode work under an accelerator
// (hosts/local/probe-acceleration.ts).
import { gzipSync } from 'node:zlib';
import { cpio, file } from './cpio.ts';

/** What init writes to the console when user space is reached. */
export const probeLine = 'cobalt-probe: user space';

/** The archive, gzipped; under 1 kB. */
export function probeInitrd(): Buffer {
  return gzipSync(
    cpio([
      { path: 'dev/console', mode: 0o020600, device: [5, 1] },
      file('init', probeInit(), true),
    ]),
  );
}

const loadAddress = 0x400000;
const headerSize = 64 + 56;

/**
 * A static x86-64 ELF program, as machine code so that no compiler is needed: write(1, line),
 * iopl(3), and 0x10 to port 0xf4, QEMU's isa-debug-exit device, which ends QEMU with code (0x10 <<
 * 1) | 1 = 33.
 */
function probeInit(): Buffer {
  const line = Buffer.from(`${probeLine}\n`);
  const code = Buffer.from([
    0xb8,
    1,
    0,
    0,
    0, // mov eax, 1: write(2)
    0xbf,
    1,
    0,
    0,
    0, // mov edi, 1
    0x48,
    0x8d,
    0x35,
    28,
    0,
    0,
    0, // lea rsi, [rip + 28]: the line, behind this code
    0xba,
    line.length,
    0,
    0,
    0, // mov edx, length
    0x0f,
    0x05, // syscall
    0xb8,
    172,
    0,
    0,
    0, // mov eax, 172: iopl(2)
    0xbf,
    3,
    0,
    0,
    0, // mov edi, 3
    0x0f,
    0x05, // syscall
    0xb0,
    0x10, // mov al, 0x10
    0xe6,
    0xf4, // out 0xf4, al
    0xf3,
    0x90, // pause
    0xeb,
    0xfc, // jmp to pause
    0x90, // nop
  ]);
  const size = headerSize + code.length + line.length;
  const header = Buffer.alloc(headerSize);
  header.write('\x7fELF\x02\x01\x01', 'latin1'); // 64 bits, little endian, version 1
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(62, 18); // EM_X86_64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(loadAddress + headerSize), 24); // e_entry
  header.writeBigUInt64LE(64n, 32); // e_phoff
  header.writeUInt16LE(64, 52); // e_ehsize
  header.writeUInt16LE(56, 54); // e_phentsize
  header.writeUInt16LE(1, 56); // e_phnum
  header.writeUInt32LE(1, 64); // PT_LOAD
  header.writeUInt32LE(5, 68); // PF_R | PF_X
  header.writeBigUInt64LE(BigInt(loadAddress), 80); // p_vaddr
  header.writeBigUInt64LE(BigInt(loadAddress), 88); // p_paddr
  header.writeBigUInt64LE(BigInt(size), 96); // p_filesz
  header.writeBigUInt64LE(BigInt(size), 104); // p_memsz
  header.writeBigUInt64LE(0x1000n, 112); // p_align
  return Buffer.concat([header, code, line]);
}

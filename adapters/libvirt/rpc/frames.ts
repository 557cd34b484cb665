// Frames of libvirt's wire protocol: a 4-byte length (itself included), a 24-byte header, an XDR
// body. Source: src/rpc/virnetprotocol.x.

export const TYPE = { call: 0, reply: 1, message: 2, stream: 3 } as const;
export const STATUS = { ok: 0, error: 1, continue: 2 } as const;

export interface Frame {
  program: number;
  procedure: number;
  type: number;
  serial: number;
  status: number;
  body: Buffer;
}

const HEADER_BYTES = 28;
/**
 * libvirt's own limit, VIR_NET_MESSAGE_MAX (32 MiB), plus the length word: a longer frame means
 * corruption.
 */
export const MAX_FRAME_BYTES = 32 * 1024 * 1024 + 4;

export function encodeFrame(frame: Frame): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + frame.body.length);
  bytes.writeUInt32BE(bytes.length, 0);
  bytes.writeUInt32BE(frame.program, 4);
  bytes.writeUInt32BE(1, 8);
  bytes.writeInt32BE(frame.procedure, 12);
  bytes.writeInt32BE(frame.type, 16);
  bytes.writeUInt32BE(frame.serial, 20);
  bytes.writeInt32BE(frame.status, 24);
  frame.body.copy(bytes, HEADER_BYTES);
  return bytes;
}

/**
 * Cuts a byte stream into frames. Holds at most one unfinished frame; throws on an impossible
 * length.
 */
export class FrameSplitter {
  #chunks: Buffer[] = [];
  #buffered = 0;
  #wanted = 4;

  /** Takes the bytes of a socket and returns the frames that they complete. */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const frames: Frame[] = [];
    while (this.#buffered >= this.#wanted) {
      const bytes =
        this.#chunks.length === 1
          ? (this.#chunks[0] as Buffer)
          : Buffer.concat(this.#chunks, this.#buffered); // length 1: the element exists
      const length = bytes.readUInt32BE(0);
      if (length < HEADER_BYTES || length > MAX_FRAME_BYTES)
        throw new Error(`frame of ${length} bytes`);
      if (bytes.length < length) {
        // Joins the chunks only when the frame is complete; otherwise a large reply would be copied
        // once for each chunk.
        this.#chunks = [bytes];
        this.#wanted = length;
        break;
      }
      frames.push(decodeFrame(bytes.subarray(0, length)));
      const rest = bytes.subarray(length);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#buffered = rest.length;
      this.#wanted = 4;
    }
    return frames;
  }
}

function decodeFrame(bytes: Buffer): Frame {
  return {
    program: bytes.readUInt32BE(4),
    procedure: bytes.readInt32BE(12),
    type: bytes.readInt32BE(16),
    serial: bytes.readUInt32BE(20),
    status: bytes.readInt32BE(24),
    body: bytes.subarray(HEADER_BYTES),
  };
}

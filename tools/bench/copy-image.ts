// Transfers 100 MiB over HTTP in both directions, for the figures about images and their yardstick.
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';

export const imageMib = 100;
const mib = 1024 * 1024;
const chunk = randomBytes(mib);

export interface Target {
  port: number;
  path: string;
  headers: Readonly<Record<string, string>>;
}

/** Uploads by PUT; returns MB/s until the answer. */
export async function upload({ port, path, headers }: Target): Promise<number> {
  const startedAt = performance.now();
  await new Promise<void>((resolve, reject) => {
    const put = request(
      {
        host: '127.0.0.1',
        port,
        method: 'PUT',
        path,
        headers: {
          ...headers,
          'content-type': 'application/octet-stream',
          'content-length': imageMib * mib,
        },
      },
      (answer) => {
        answer.resume();
        answer.on('end', () =>
          answer.statusCode === 204 ? resolve() : reject(new Error(`upload: ${answer.statusCode}`)),
        );
      },
    );
    put.on('error', reject);
    let sent = 0;
    const push = (): void => {
      while (sent < imageMib) {
        sent += 1;
        if (!put.write(chunk)) {
          put.once('drain', push);
          return;
        }
      }
      put.end();
    };
    push();
  });
  return (imageMib * mib) / 1e6 / ((performance.now() - startedAt) / 1000);
}

/** Downloads the uploaded data by GET; returns MB/s. */
export async function download({ port, path, headers }: Target): Promise<number> {
  const startedAt = performance.now();
  let size = 0;
  await new Promise<void>((resolve, reject) => {
    request({ host: '127.0.0.1', port, method: 'GET', path, headers }, (answer) => {
      answer.on('data', (data: Buffer) => (size += data.length));
      answer.on('end', resolve);
      answer.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
  if (size !== imageMib * mib) throw new Error(`download: ${size} bytes`);
  return size / 1e6 / ((performance.now() - startedAt) / 1000);
}

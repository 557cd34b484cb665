// Pure: a small ISO 9660 image with Rock Ridge and Joliet names, for config drives. Running xorriso
// takes 100 ms, this 1 ms. Layout: ECMA-119; Rock Ridge: IEEE P1282 (RRIP 1991A: SP, ER, PX, NM);
// Joliet: Microsoft's specification of 1995.

const sectorBytes = 2048;
/**
 * The padding of mkisofs: readers such as busybox's findfs read 64 KiB and more from the start of a
 * disk and fail at its end.
 */
const paddingSectors = 150;
const nameMax = 64; // Joliet's limit; Rock Ridge names of this length fit into their record
/** Recording time of every file, 2026-01-01 UTC: the same files always give the same bytes. */
const recorded = Buffer.from([126, 1, 1, 0, 0, 0, 0]);

interface Node {
  name: string;
  parent: Node | null;
  children: Node[]; // of a directory, sorted by name
  content: Buffer | null; // null: a directory
  sector: { iso: number; joliet: number };
}

/**
 * What differs between the ISO and the Joliet tree: how names are written, and whether Rock Ridge
 * entries follow.
 */
interface View {
  kind: 'iso' | 'joliet';
  identifier(node: Node): Buffer;
  order(node: Node): Node[];
  systemUse(node: Node, role: 'self' | 'parent' | 'child'): Buffer;
}

/** The image. `files`: path to content. Throws on a path with empty, dotted or too long parts. */
export function iso9660(label: string, files: Record<string, Buffer>): Buffer {
  const root = treeOf(files);
  const directories = breadthFirst(root);
  const views = [isoView, jolietView];
  const contents = directories
    .flatMap((directory) => directory.children)
    .filter((node) => node.content !== null);

  // 16 sectors are reserved for the system, then two volume descriptors and the end mark; the rest
  // follows in order.
  let next = 19;
  const place = (byteLength: number) => {
    const at = next;
    next += Math.ceil(byteLength / sectorBytes);
    return at;
  };
  const tables = views.map((view) => {
    const byteLength = pathTable(view, directories, 'LE').length;
    return { byteLength, little: place(byteLength), big: place(byteLength) };
  });
  for (const view of views)
    for (const directory of directories)
      directory.sector[view.kind] = place(extent(view, directory).length);
  for (const { content, sector } of contents)
    sector.iso = sector.joliet = content?.length === 0 ? 0 : place(content?.length ?? 0);

  place(paddingSectors * sectorBytes);

  const image = Buffer.alloc(next * sectorBytes);
  views.forEach((view, i) => {
    const table = tables[i] as (typeof tables)[number]; // one for each view
    volumeDescriptor(view, label, next, table, root).copy(image, (16 + i) * sectorBytes);
    pathTable(view, directories, 'LE').copy(image, table.little * sectorBytes);
    pathTable(view, directories, 'BE').copy(image, table.big * sectorBytes);
    for (const directory of directories)
      extent(view, directory).copy(image, directory.sector[view.kind] * sectorBytes);
  });
  image.write('\xffCD001\x01', 18 * sectorBytes, 'latin1');
  for (const { content, sector } of contents) content?.copy(image, sector.iso * sectorBytes);
  return image;
}

function treeOf(files: Record<string, Buffer>): Node {
  const newNode = (name: string, parent: Node | null, content: Buffer | null): Node => ({
    name,
    parent,
    children: [],
    content,
    sector: { iso: 0, joliet: 0 },
  });
  const root = newNode('', null, null);
  for (const [path, content] of Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const parts = path.split('/');
    if (parts.some((part) => part === '' || part === '.' || part === '..' || part.length > nameMax))
      throw new Error(`not a path for an ISO image: ${JSON.stringify(path)}`);
    let at = root;
    parts.forEach((part, i) => {
      const isFile = i === parts.length - 1;
      let child = at.children.find((each) => each.name === part);
      if (child && (isFile || child.content !== null))
        throw new Error(`${JSON.stringify(path)} is both a file and a folder`);
      if (!child) at.children.push((child = newNode(part, at, isFile ? content : null)));
      at = child;
    });
  }
  return root;
}

function breadthFirst(root: Node): Node[] {
  const directories = [root];
  for (const directory of directories)
    directories.push(...directory.children.filter((child) => child.content === null));
  return directories;
}

const isoView: View = {
  kind: 'iso',
  // ISO names are numbers, unique and legal at level 1; the real names are in Rock Ridge entries.
  identifier: (node) => {
    const index = String(node.parent?.children.indexOf(node) ?? 0).padStart(7, '0');
    return Buffer.from(node.content === null ? `D${index}` : `F${index}.;1`);
  },
  order: (node) => [
    ...node.children.filter((each) => each.content === null),
    ...node.children.filter((each) => each.content !== null),
  ],
  systemUse: (node, role) => {
    const attributes = Buffer.alloc(36);
    attributes.write('PX\x24\x01', 'latin1');
    [node.content === null ? 0o40555 : 0o100444, 1, 0, 0].forEach((value, i) =>
      both32(attributes, 4 + i * 8, value),
    ); // mode, links, user, group
    if (role === 'child') {
      const name = Buffer.from(node.name);
      // The Rock Ridge entry NM holds the real name.
      return Buffer.concat([attributes, Buffer.from([0x4e, 0x4d, 5 + name.length, 1, 0]), name]);
    }
    const isRootsOwn = role === 'self' && node.parent === null;
    // Linux accepts Rock Ridge only with ER in the root's own record (fs/isofs/rock.c).
    return isRootsOwn
      ? Buffer.concat([
          Buffer.from('SP\x07\x01\xbe\xef\x00', 'latin1'),
          attributes,
          Buffer.from('ER\x12\x01\x0a\x00\x00\x01RRIP_1991A', 'latin1'),
        ])
      : attributes;
  },
};

const jolietView: View = {
  kind: 'joliet',
  identifier: (node) => bigEndian16(node.content === null ? node.name : `${node.name};1`),
  order: (node) =>
    [...node.children].sort((a, b) =>
      Buffer.compare(jolietView.identifier(a), jolietView.identifier(b)),
    ),
  systemUse: () => Buffer.alloc(0),
};

/** The records of one directory; none crosses a sector boundary. */
function extent(view: View, directory: Node): Buffer {
  const parent = directory.parent ?? directory;
  const records = [
    record(view, directory, Buffer.from([0]), view.systemUse(directory, 'self')),
    record(view, parent, Buffer.from([1]), view.systemUse(parent, 'parent')),
    ...view
      .order(directory)
      .map((child) => record(view, child, view.identifier(child), view.systemUse(child, 'child'))),
  ];
  let used = 0;
  const pieces: Buffer[] = [];
  for (const each of records) {
    const freeBytes = sectorBytes - (used % sectorBytes);
    if (each.length > freeBytes) {
      pieces.push(Buffer.alloc(freeBytes));
      used += freeBytes;
    }
    pieces.push(each);
    used += each.length;
  }
  pieces.push(Buffer.alloc((sectorBytes - (used % sectorBytes)) % sectorBytes));
  return Buffer.concat(pieces);
}

const lengths = new WeakMap<Node, Record<View['kind'], number>>();

/**
 * The length of a file's content or of a directory's extent. The latter depends only on the names
 * of the directory's children, so it can be computed before the extent has a position.
 */
function byteLength(view: View, node: Node): number {
  if (node.content !== null) return node.content.length;
  const measured = lengths.get(node) ?? { iso: -1, joliet: -1 };
  lengths.set(node, measured);
  if (measured[view.kind] < 0) {
    // the "." and ".." records ask for this same length; any number will do while it is being
    // measured
    measured[view.kind] = 0;
    measured[view.kind] = extent(view, node).length;
  }
  return measured[view.kind];
}

function record(view: View, node: Node, identifier: Buffer, systemUse: Buffer): Buffer {
  const nameEnd = 33 + identifier.length + ((33 + identifier.length) % 2);
  const bytes = Buffer.alloc(nameEnd + systemUse.length + (systemUse.length % 2));
  bytes[0] = bytes.length;
  both32(bytes, 2, node.sector[view.kind]);
  both32(bytes, 10, byteLength(view, node));
  recorded.copy(bytes, 18);
  bytes[25] = node.content === null ? 2 : 0;
  both16(bytes, 28, 1);
  bytes[32] = identifier.length;
  identifier.copy(bytes, 33);
  systemUse.copy(bytes, nameEnd);
  return bytes;
}

function pathTable(view: View, directories: Node[], order: 'LE' | 'BE'): Buffer {
  return Buffer.concat(
    directories.map((directory) => {
      const identifier = directory.parent ? view.identifier(directory) : Buffer.from([0]);
      const entry = Buffer.alloc(8 + identifier.length + (identifier.length % 2));
      entry[0] = identifier.length;
      entry[`writeUInt32${order}`](directory.sector[view.kind], 2);
      entry[`writeUInt16${order}`](directories.indexOf(directory.parent ?? directory) + 1, 6);
      identifier.copy(entry, 8);
      return entry;
    }),
  );
}

function volumeDescriptor(
  view: View,
  label: string,
  sectors: number,
  table: { byteLength: number; little: number; big: number },
  root: Node,
): Buffer {
  const isJoliet = view.kind === 'joliet';
  const text = (value: string, bytes: number) =>
    (isJoliet
      ? bigEndian16(value.padEnd(bytes >> 1))
      : Buffer.from(value.padEnd(bytes), 'latin1')
    ).subarray(0, bytes);
  const descriptor = Buffer.alloc(sectorBytes);
  descriptor.write(`${isJoliet ? '\x02' : '\x01'}CD001\x01`, 'latin1');
  text('', 32).copy(descriptor, 8);
  text(label, 32).copy(descriptor, 40);
  both32(descriptor, 80, sectors);
  if (isJoliet) descriptor.write('%/E', 88, 'latin1'); // UCS-2 level 3
  both16(descriptor, 120, 1);
  both16(descriptor, 124, 1);
  both16(descriptor, 128, sectorBytes);
  both32(descriptor, 132, table.byteLength);
  descriptor.writeUInt32LE(table.little, 140);
  descriptor.writeUInt32BE(table.big, 148);
  record(view, root, Buffer.from([0]), Buffer.alloc(0)).copy(descriptor, 156);
  for (const [at, bytes] of [
    [190, 128],
    [318, 128],
    [446, 128],
    [574, 128],
    [702, 37],
    [739, 37],
    [776, 37],
  ] as const)
    text('', bytes).copy(descriptor, at);
  // four dates, not set
  for (const at of [813, 830, 847, 864]) descriptor.write('0'.repeat(16), at, 'latin1');
  descriptor[881] = 1;
  return descriptor;
}

function bigEndian16(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

function both32(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value, at);
  bytes.writeUInt32BE(value, at + 4);
}

function both16(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt16LE(value, at);
  bytes.writeUInt16BE(value, at + 2);
}

// A guest's NUMA nodes and page sizes, from its flavor's extra specs `hw:*` and its image's
// properties. https://docs.openstack.org/nova/latest/admin/cpu-topologies.html, huge-pages.html

export interface GuestNode {
  vcpus: number;
  memoryMib: number;
}

export interface GuestTopology {
  nodes: readonly GuestNode[];
  /** Acceptable page sizes, KiB; empty: ordinary pages. All memory of a node uses one size. */
  pageSizesKib: readonly number[];
}

/**
 * More nodes than any host has cells. A guest with more fits nowhere, so its nodes are not listed.
 */
const mostNodes = 256;
const largePagesKib: readonly number[] = [2048, 1048576];
const unitsKib: Readonly<Record<string, number>> = {
  '': 1,
  KB: 1,
  KIB: 1,
  MB: 1024,
  MIB: 1024,
  GB: 1048576,
  GIB: 1048576,
};

/** Page sizes in KiB; [] for 'small' and 'any'; undefined: the text is no size. */
export function pageSizesOf(text: string): readonly number[] | undefined {
  if (text === 'small' || text === 'any') return [];
  if (text === 'large') return largePagesKib;
  const parts = /^(\d+)\s*([a-z]*)$/i.exec(text);
  const unit = unitsKib[parts?.[2]?.toUpperCase() ?? 'none'];
  const size = Number(parts?.[1]) * (unit ?? NaN);
  if (!(size > 0)) return undefined;
  return size === 4 ? [] : [size];
}

/** The nodes and page sizes that flavor and image demand; null: the guest has no such demands. */
export function topologyOf(
  specs: Readonly<Record<string, string>>,
  properties: Readonly<Record<string, unknown>>,
  { vcpus, memoryMib }: GuestNode,
): GuestTopology | null {
  const nodesText = specs['hw:numa_nodes'] ?? properties['hw_numa_nodes'];
  const pagesText = specs['hw:mem_page_size'] ?? properties['hw_mem_page_size'];
  const pageSizesKib = pageSizesOf(wordOf(pagesText) || 'small') ?? [];
  if (nodesText === undefined && pageSizesKib.length === 0) return null;
  const wanted = Math.trunc(Number(wordOf(nodesText))) || 1;
  const count = Math.min(Math.max(1, wanted), mostNodes);
  const nodes = Array.from({ length: count }, (_, index): GuestNode => {
    const cpus = specs[`hw:numa_cpus.${index}`];
    const memory = Number(specs[`hw:numa_mem.${index}`]);
    return {
      vcpus: cpus === undefined ? Math.ceil(vcpus / count) : countCpus(cpus),
      memoryMib: memory > 0 ? memory : Math.ceil(memoryMib / count),
    };
  });
  return { nodes, pageSizesKib };
}

const wordOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? `${value}` : '';

/** The number of CPUs in a list such as '0-3,^2,6'. */
function countCpus(list: string): number {
  const cpus = new Set<number>();
  for (const part of list.split(',').map((one) => one.trim())) {
    const [, excluded, first, last] = /^(\^?)(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    // Bounds the loop: no host has more CPUs, and a range may name billions.
    const end = Math.min(Number(last ?? first), Number(first) + 4096);
    for (let cpu = Number(first); cpu <= end; cpu += 1)
      if (excluded) cpus.delete(cpu);
      else cpus.add(cpu);
  }
  return cpus.size;
}

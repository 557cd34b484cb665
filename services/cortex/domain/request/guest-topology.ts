// NUMA nodes and pages of a guest by its flavor's extra specs `hw:*` and its image's properties.
// https://docs.openstack.org/nova/latest/admin/cpu-topologies.html, huge-pages.html

export interface GuestNode {
  vcpus: number;
  memoryMib: number;
}

export interface GuestTopology {
  nodes: readonly GuestNode[];
  /**
   * Sizes of pages that serve, KiB; empty: the host's ordinary ones. Memory is of one size in each
   * node.
   */
  pageSizesKib: readonly number[];
}

/** More than any host has cells: such a guest fits nowhere, and is not counted out. */
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

/** [] for 'small'; undefined: it is no size. */
export function pageSizesOf(text: string): readonly number[] | undefined {
  if (text === 'small' || text === 'any') return [];
  if (text === 'large') return largePagesKib;
  const parts = /^(\d+)\s*([a-z]*)$/i.exec(text);
  const unit = unitsKib[parts?.[2]?.toUpperCase() ?? 'none'];
  const size = Number(parts?.[1]) * (unit ?? NaN);
  if (!(size > 0)) return undefined;
  return size === 4 ? [] : [size];
}

/** null: the guest does not care. */
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

/** Of a list such as '0-3,^2,6'. */
function countCpus(list: string): number {
  const cpus = new Set<number>();
  for (const part of list.split(',').map((one) => one.trim())) {
    const [, excluded, first, last] = /^(\^?)(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    // No host has more: a range of billions is not counted out.
    const end = Math.min(Number(last ?? first), Number(first) + 4096);
    for (let cpu = Number(first); cpu <= end; cpu += 1)
      if (excluded) cpus.delete(cpu);
      else cpus.add(cpu);
  }
  return cpus.size;
}

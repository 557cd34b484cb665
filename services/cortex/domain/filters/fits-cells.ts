// Whether a guest's NUMA nodes fit into a host's cells, each node into a cell of its own. A host
// whose cells, or pages, are not known is not excluded.
import type { NumaCellFacts } from '../fleet/host-facts.ts';
import type { GuestNode, GuestTopology } from '../request/guest-topology.ts';

type Cells = readonly NumaCellFacts[] | undefined;

const kibPerMib = 1024;

/** Whether the host has enough free pages of one of the sizes in total, in any cells. */
export function hasPages(cells: Cells, { nodes, pageSizesKib }: GuestTopology): boolean {
  if (!cells?.some(({ freePages }) => freePages)) return true;
  const memoryMib = nodes.reduce((sum, node) => sum + node.memoryMib, 0);
  return pageSizesKib.some(
    (size) => cells.reduce((sum, cell) => sum + pagesMib(cell, size), 0) >= memoryMib,
  );
}

export function fitsCells(cells: Cells, { nodes, pageSizesKib }: GuestTopology): boolean {
  if (!cells) return true;
  const fits = (node: GuestNode, cell: NumaCellFacts): boolean =>
    cell.freeVcpus >= node.vcpus &&
    (pageSizesKib.length === 0 || !cell.freePages
      ? cell.freeMemoryMib >= node.memoryMib
      : pageSizesKib.some((size) => pagesMib(cell, size) >= node.memoryMib));
  return isMatched(nodes, cells, fits);
}

const pagesMib = ({ freePages }: NumaCellFacts, sizeKib: number): number =>
  ((freePages?.[sizeKib] ?? 0) * sizeKib) / kibPerMib;

/** Whether each node can get a cell of its own: bipartite matching by augmenting paths. */
function isMatched(
  nodes: readonly GuestNode[],
  cells: readonly NumaCellFacts[],
  fits: (node: GuestNode, cell: NumaCellFacts) => boolean,
): boolean {
  if (nodes.length > cells.length) return false;
  const nodeIn: (number | undefined)[] = [];
  const findCell = (node: number, visitedCells: Set<number>): boolean =>
    cells.some((cell, at) => {
      const guestNode = nodes[node];
      if (visitedCells.has(at) || !guestNode || !fits(guestNode, cell)) return false;
      visitedCells.add(at);
      const present = nodeIn[at];
      if (present !== undefined && !findCell(present, visitedCells)) return false;
      nodeIn[at] = node;
      return true;
    });
  return nodes.every((_, node) => findCell(node, new Set()));
}

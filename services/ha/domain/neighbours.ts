// Which hosts probe each other: hosts form a ring sorted by name, and each probes some on both
// sides. Probing is therefore mutual. Pure.

export function neighboursOf(host: string, all: readonly string[], perSide: number): string[] {
  const ring = [...new Set([...all, host])].sort();
  const at = ring.indexOf(host);
  const neighbours = new Set<string>();
  for (let distance = 1; distance <= Math.min(perSide, ring.length - 1); distance += 1) {
    for (const index of [at + distance, at - distance])
      neighbours.add(ring[(index + ring.length) % ring.length] as string); // always within the ring
  }
  neighbours.delete(host);
  return [...neighbours];
}

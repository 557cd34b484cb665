// Parses libvirt's XML about a host, and about the resources of its guests, for the Node Agent.
// Pure.
// https://libvirt.org/formatcaps.html https://libvirt.org/formatdomaincaps.html
import { XMLParser } from 'fast-xml-parser';
import type { CellFacts, GuestFacts, HypervisorFacts } from '#ports/node-facts.ts';

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseTagValue: false,
  isArray: (name) => ['cell', 'pages', 'page', 'enum', 'value', 'mode', 'memnode'].includes(name),
});

/** Any parsed document: no element is certain to exist. */
type Xml = string | Xml[] | { [name: string]: Xml };

const at = (xml: Xml | undefined, ...names: string[]): Xml | undefined => {
  let element = xml;
  for (const name of names)
    element = typeof element === 'object' && !Array.isArray(element) ? element[name] : undefined;
  return element;
};
const list = (xml: Xml | undefined): Xml[] => (Array.isArray(xml) ? xml : []);
const attribute = (xml: Xml | undefined, name: string): string => textOf(at(xml, `@${name}`));
function textOf(xml: Xml | undefined): string {
  const text = typeof xml === 'object' ? at(xml, '#text') : xml;
  return typeof text === 'string' ? text : '';
}
const children = (xml: Xml | undefined): [string, Xml][] =>
  typeof xml === 'object' && !Array.isArray(xml)
    ? Object.entries(xml).filter(([name, child]) => !name.startsWith('@') && child !== '')
    : [];
const parse = (xml: string): Xml => parser.parse(xml) as Xml;

/** Bytes by unit of memory. https://libvirt.org/formatdomain.html#memory-allocation */
const units: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  KB: 1e3,
  k: 1024,
  KiB: 1024,
  MB: 1e6,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1e9,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  TB: 1e12,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
};

/**
 * Bytes of a memory element. 0 if it cannot be parsed, so that one odd guest does not hide the
 * others.
 */
function bytesOf(element: Xml | undefined): number {
  const unit = attribute(element, 'unit');
  const amount = Number(textOf(element)) * (units[unit === '' ? 'KiB' : unit] ?? Number.NaN);
  return Number.isSafeInteger(amount) && amount >= 0 ? amount : 0;
}

const countOf = (text: string): number => {
  const count = Number(text);
  return Number.isSafeInteger(count) && count >= 0 ? count : 0;
};

/**
 * The host's CPU architecture and NUMA cells, by its capabilities. Throws if the document does not
 * describe a host.
 */
export function hostCapabilities(xml: string): { cpuArch: string; cells: CellFacts[] } {
  const host = at(parse(xml), 'capabilities', 'host');
  if (!host) throw new Error('the capabilities of libvirt have no host');
  const cells = list(at(host, 'topology', 'cells', 'cell')).map((cell): CellFacts => {
    const pages = list(at(cell, 'pages')).map((page) => ({
      sizeBytes: countOf(attribute(page, 'size')) * (units[attribute(page, 'unit')] ?? 1024),
      count: countOf(textOf(page)),
    }));
    const smallest = Math.min(...pages.map(({ sizeBytes }) => sizeBytes));
    return {
      id: countOf(attribute(cell, 'id')),
      cpus: countOf(attribute(at(cell, 'cpus'), 'num')),
      memoryBytes: bytesOf(at(cell, 'memory')),
      // The smallest page size is that of ordinary memory.
      hugePages: pages.filter(({ sizeBytes }) => sizeBytes > smallest),
    };
  });
  return { cpuArch: textOf(at(host, 'cpu', 'arch')) || 'unknown', cells };
}

/**
 * The feature's name, and `name/value` for each of its possible values; [] if it is not supported.
 */
function supported([name, element]: [string, Xml]): string[] {
  if (attribute(element, 'supported') === 'no') return [];
  const values = list(at(element, 'enum')).flatMap((each) => list(at(each, 'value')).map(textOf));
  return [name, ...new Set(values.map((value) => `${name}/${value}`))];
}

export function domainCapabilities(xml: string): HypervisorFacts['domain'] {
  const domain = at(parse(xml), 'domainCapabilities');
  if (!domain) throw new Error('the domain capabilities of libvirt are none');
  return {
    arch: textOf(at(domain, 'arch')) || 'unknown',
    hypervisorType: textOf(at(domain, 'domain')) || 'unknown',
    devices: children(at(domain, 'devices')).flatMap(supported).sort(),
    cpuModes: list(at(domain, 'cpu', 'mode'))
      .filter((mode) => attribute(mode, 'supported') === 'yes')
      .map((mode) => `mode/${attribute(mode, 'name')}`)
      .sort(),
    features: children(at(domain, 'features')).flatMap(supported).sort(),
  };
}

const mostCells = 1_024;

/** Parses a set such as `0,2-3`; elements after `^` are excluded. */
export function nodeset(set: string): number[] {
  const ids = new Set<number>();
  for (const part of set.split(',').slice(0, mostCells)) {
    const isExcluded = part.startsWith('^');
    const [first = '', last = first] = part.replace('^', '').split('-');
    if (!/^\d{1,4}$/.test(first) || !/^\d{1,4}$/.test(last)) continue;
    for (let id = Number(first); id <= Math.min(Number(last), mostCells); id += 1) {
      if (isExcluded) ids.delete(id);
      else ids.add(id);
    }
  }
  return [...ids].sort((one, other) => one - other);
}

/** A guest's CPUs, memory, and the NUMA cells to which it is bound ([] without `numatune`). */
export function guestShare(
  xml: string,
): Pick<GuestFacts, 'vcpus' | 'memoryBytes' | 'cells' | 'hugePageBytes'> {
  const domain = at(parse(xml), 'domain');
  const nodes = list(at(domain, 'numatune', 'memnode'));
  const sets = nodes.length > 0 ? nodes : [at(domain, 'numatune', 'memory')];
  const huge = at(domain, 'memoryBacking', 'hugepages');
  const page = list(at(huge, 'page'))[0];
  return {
    vcpus: countOf(textOf(at(domain, 'vcpu'))),
    memoryBytes: bytesOf(at(domain, 'memory')),
    cells: [...new Set(sets.flatMap((each) => nodeset(attribute(each, 'nodeset'))))],
    hugePageBytes:
      huge === undefined
        ? null
        : page
          ? countOf(attribute(page, 'size')) * (units[attribute(page, 'unit') || 'KiB'] ?? 0)
          : 0,
  };
}

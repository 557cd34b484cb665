// Names of the hosts of a cloud on one machine.

export const localHostName = (index: number): string => `h${index}`;
export const simulatedHostName = (index: number): string =>
  `sim${index.toString().padStart(4, '0')}`;

export const simulatedHostNames = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => simulatedHostName(index + 1));

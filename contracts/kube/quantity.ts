// Quantities of Kubernetes, exact: '64Gi', '1500m', '1e3'.
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/

const suffixes: Readonly<Record<string, number>> = {
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The number that the text stands for; undefined: it is no quantity. */
export function parseQuantity(text: string | number | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parts = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)([a-zA-Z]{0,2})$/.exec(`${text}`);
  if (!parts) return undefined;
  const [, digits = '', suffix = ''] = parts;
  const unit = Object.hasOwn(suffixes, suffix) ? suffixes[suffix] : undefined;
  return unit === undefined ? undefined : Number(digits) * unit;
}

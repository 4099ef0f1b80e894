/** An element of a set; `expires` in seconds from now, null when it stays. */
type Element = { readonly address: string; readonly expires: number | null };

/** What nft's JSON says of one table. */
export type Table = {
  /** `hook` is empty and `priority` null when it is no base chain. */
  readonly chains: readonly {
    readonly name: string;
    readonly hook: string;
    readonly priority: number | null;
  }[];
  readonly sets: readonly {
    readonly name: string;
    /** Type of the elements, such as ipv4_addr. */
    readonly type: string;
    readonly size: number;
    readonly elements: readonly Element[];
  }[];
  /** `text`: the expressions as JSON. */
  readonly rules: readonly { readonly chain: string; readonly comment: string; readonly text: string }[];
};

type NftJson = { readonly [key: string]: unknown };

/**
 * Reads one table (`inet NAME`) from the output of `nft -j list table` or `list ruleset`; without output it is empty.
 * Throws on broken JSON.
 */
export function readTable(json: string, name: string): Table {
  if (json.trim() === '') return { chains: [], sets: [], rules: [] };
  const items = listOf(objectOf(JSON.parse(json))['nftables']).map(objectOf);
  const of = (kind: string): NftJson[] =>
    items
      .filter((item) => kind in item)
      .map((item) => objectOf(item[kind]))
      .filter((item) => item['table'] === name && item['family'] === 'inet');
  return {
    chains: of('chain').map((chain) => ({
      name: stringOf(chain['name']),
      hook: stringOf(chain['hook']),
      priority: numberOf(chain['prio']),
    })),
    sets: of('set').map((set) => ({
      name: stringOf(set['name']),
      type: stringOf(set['type']),
      size: numberOf(set['size']) ?? 0,
      elements: listOf(set['elem']).flatMap(elementsOf),
    })),
    rules: of('rule').map((rule) => ({
      chain: stringOf(rule['chain']),
      comment: stringOf(rule['comment']),
      text: JSON.stringify(rule['expr'] ?? []),
    })),
  };
}

function elementsOf(value: unknown): readonly Element[] {
  if (typeof value === 'string') return [{ address: value, expires: null }];
  const item = objectOf(value);
  if ('prefix' in item) {
    const { addr, len } = objectOf(item['prefix']);
    return [{ address: `${stringOf(addr)}/${String(len)}`, expires: null }];
  }
  if (!('elem' in item)) return [];
  const elem = objectOf(item['elem']);
  return elementsOf(elem['val']).map(({ address }) => ({ address, expires: numberOf(elem['expires']) }));
}

function objectOf(value: unknown): NftJson {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

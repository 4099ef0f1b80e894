/** An element of a set; `expires` in seconds from now, null when it stays. */
export type Element = { readonly address: string; readonly expires: number | null };

/** What `nft -j list table` says of one table. */
export type Table = {
  readonly chains: readonly string[];
  readonly sets: readonly {
    readonly name: string;
    readonly size: number;
    readonly elements: readonly Element[];
  }[];
  readonly rules: readonly { readonly chain: string; readonly comment: string; readonly text: string }[];
};

type Json = { readonly [key: string]: unknown };

/** Reads the output of `nft -j list table FAMILY NAME`; what it does not know is left out. Throws on broken JSON. */
export function readTable(json: string): Table {
  const items = listOf(objectOf(JSON.parse(json))['nftables']).map(objectOf);
  const of = (kind: string): Json[] =>
    items.filter((item) => kind in item).map((item) => objectOf(item[kind]));
  return {
    chains: of('chain').map((chain) => textOf(chain['name'])),
    sets: of('set').map((set) => ({
      name: textOf(set['name']),
      size: typeof set['size'] === 'number' ? set['size'] : 0,
      elements: listOf(set['elem']).flatMap(elementsOf),
    })),
    rules: of('rule').map((rule) => ({
      chain: textOf(rule['chain']),
      comment: textOf(rule['comment']),
      text: JSON.stringify(rule['expr'] ?? []),
    })),
  };
}

function elementsOf(value: unknown): readonly Element[] {
  if (typeof value === 'string') return [{ address: value, expires: null }];
  const item = objectOf(value);
  if ('prefix' in item) {
    const { addr, len } = objectOf(item['prefix']);
    return [{ address: `${textOf(addr)}/${String(len)}`, expires: null }];
  }
  if (!('elem' in item)) return [];
  const elem = objectOf(item['elem']);
  const { expires } = elem;
  return elementsOf(elem['val']).map(({ address }) => ({
    address,
    expires: typeof expires === 'number' ? expires : null,
  }));
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

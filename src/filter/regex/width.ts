import type { Node } from './tree.ts';

/** How many characters the node always takes, or null when that varies or is not known beforehand. */
export function widthOf(node: Node): number | null {
  switch (node.kind) {
    case 'set':
      return 1;
    case 'seq':
      return sum(node.items.map(widthOf));
    case 'alt':
      return same(node.branches.map(widthOf));
    case 'cond':
      return same([widthOf(node.yes), widthOf(node.no)]);
    case 'repeat': {
      const width = widthOf(node.body);
      if (width === 0) return 0;
      return width === null || node.min !== node.max ? null : width * node.min;
    }
    case 'group':
    case 'atomic':
      return widthOf(node.body);
    case 'backref':
      return null;
    default:
      return 0;
  }
}

function sum(widths: readonly (number | null)[]): number | null {
  let total = 0;
  for (const width of widths) {
    if (width === null) return null;
    total += width;
  }
  return total;
}

function same(widths: readonly (number | null)[]): number | null {
  const [first = 0] = widths;
  return widths.every((width) => width === first) ? first : null;
}

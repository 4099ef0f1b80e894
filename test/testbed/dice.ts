/** Numbers from 0 to `below` - 1 that only look random: the same seed gives the same ones. */
export function dice(seed: number): (below: number) => number {
  let state = Math.imul(seed, 2654435761) + 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

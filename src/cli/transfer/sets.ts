/** Sets of fail2ban (`addr-set-sshd`, `addr6-set-sshd`, `f2b-sshd`, `f2b-sshd6`) and of f2b carry the name of the jail. */
export function jailOfSet(name: string): string | null {
  const found = /^(?:addr6?-set-|addr[46]-|net[46]-\d+-|f2b-|f2b\.|fail2ban-)(.+)$/.exec(name);
  const tag = found?.[1] ?? null;
  if (tag === null) return null;
  return name.startsWith('f2b') ? tag.replace(/(?:6|-[46]\+?)$/, '') : tag;
}

/**
 * Ends the connections that just-banned addresses opened to the banned ports: a rule refuses what comes, but some firewalls accept
 * what is established before they ask us, and a server goes on sending. TCP of this host is closed by `ss -K`, and conntrack(8)
 * forgets the flows of every protocol, forwarded ones too. A server that sends makes conntrack note its flow anew: it is looked again
 * until none is left. Connections that the host opened are left alone.
 *
 *     const cutter = new ConnectionCutter({ rules, run, isWanted });
 *     cutter.add(entries);
 *     await cutter.idle(3000);
 */
import { networkInterfaces } from 'node:os';
import { contains, familyOf, parseNetwork } from '../base/ip.ts';
import { type Command, command, type Output } from '../base/process.ts';
import type { BanEntry, Rule } from './backend.ts';
import { chainsOf, groupBy, isCanonical, matchesOf } from './match.ts';

/** A flow as conntrack lists it, or a socket of this host. `server` is the end that was dialled, behind all translation. */
export type Flow = {
  readonly kind: 'flow' | 'socket';
  /** conntrack's name, such as tcp. */
  readonly protocol: string;
  readonly number: number;
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  /** The port that was dialled. */
  readonly toPort: number;
  readonly server: string;
  readonly serverPort: number;
};

/** What the cutter works with. */
export type CutterParts = {
  readonly rules: readonly Rule[];
  run(command: Command): Promise<Output>;
  /** Whether the ban still stands. */
  isWanted(entry: BanEntry): boolean;
};

/** Pauses before each further look, in milliseconds. */
const PAUSES_MS = [200, 300, 500, 1000, 1000, 2000, 3000, 5000, 5000, 10_000, 10_000];
/** Up to so many addresses are asked for one by one; for more everything is listed. */
const FEW = 2;
/** Programs of one look, and how many run at a time; what is left over is found by the next look. */
const MOST_PROGRAMS = 200;
const AT_ONCE = 4;
const SOCKETS_A_PROGRAM = 50;

/** Looks for open connections of banned addresses and ends them, until none is left or too many looks were in vain. */
export class ConnectionCutter {
  readonly #parts: CutterParts;
  readonly #entries = new Map<string, { readonly entry: BanEntry; looks: number }>();
  /** Ends of connections that were found, the server's first: what a server sends may make them anew, the other way round. */
  readonly #seen = new Set<string>();
  #running: Promise<void> | null = null;
  #isStopped = false;

  constructor(parts: CutterParts) {
    this.#parts = parts;
  }

  /** Has the connections of these looked for; answers at once. */
  add(entries: readonly BanEntry[]): void {
    for (const entry of entries) {
      if (isCanonical(entry.address))
        this.#entries.set(`${entry.jail} ${entry.address}`, { entry, looks: 0 });
    }
    if (this.#entries.size > 0) this.#running ??= this.#work().finally(() => (this.#running = null));
  }

  /** Resolves when no connection is left, or after so many milliseconds. */
  async idle(limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMs)));
    await Promise.race([this.#running ?? Promise.resolve(), limit]);
    clearTimeout(timer);
  }

  /** Looks no more. */
  stop(): void {
    this.#isStopped = true;
  }

  async #work(): Promise<void> {
    for (;;) {
      await this.#look();
      if (this.#entries.size === 0 || this.#isStopped) break;
      let looks = PAUSES_MS.length;
      for (const one of this.#entries.values()) looks = Math.min(looks, one.looks);
      // Entries that came meanwhile are looked for at once.
      if (looks > 0) await new Promise((resolve) => setTimeout(resolve, PAUSES_MS[looks - 1]).unref());
    }
    this.#seen.clear();
  }

  async #look(): Promise<void> {
    const { rules, run } = this.#parts;
    const batch = [...this.#entries];
    const entries = batch.map(([, { entry }]) => entry).filter((entry) => this.#parts.isWanted(entry));
    const outputs = entries.length === 0 ? [] : await inTurn(listings(entries), run);
    const flows = outputs.flatMap(({ stdout }) => stdout.split('\n').flatMap((line) => readFlow(line) ?? []));
    const open = rules.flatMap((rule) => this.#openOf(rule, entries, flows));
    for (const { flow } of open) this.#seen.add(endsOf(flow));
    await inTurn(endings(open.map(({ flow }) => flow)).slice(0, MOST_PROGRAMS), run);
    const left = new Set(open.map(({ entry }) => entry));
    for (const [key, one] of batch) {
      one.looks++;
      const isOver = !left.has(one.entry) || one.looks > PAUSES_MS.length;
      if (isOver && this.#entries.get(key) === one) this.#entries.delete(key);
    }
  }

  /** The flows that the entries of a rule are to end, each with its entry. */
  #openOf(rule: Rule, all: readonly BanEntry[], flows: readonly Flow[]) {
    const entries = all.filter(({ jail }) => jail === rule.jail);
    const hosts = new Map(entries.map((entry) => [entry.address, entry]));
    const networks = entries.flatMap((entry) => {
      const network = entry.address.includes('/') ? parseNetwork(entry.address) : null;
      return network === null ? [] : [{ entry, network }];
    });
    const entryOf = (address: string): BanEntry | undefined =>
      hosts.get(address) ?? networks.find(({ network }) => contains(network, address))?.entry;
    return flows.flatMap((flow) => {
      const entry = entryOf(flow.from);
      if (entry !== undefined && this.#isMeant(rule, flow)) return [{ entry, flow }];
      const turned = turnedRound(flow);
      const other = entryOf(turned.from);
      if (other === undefined || flow.kind === 'socket') return [];
      // What a port of ours sends to no service is an answer.
      const isAnswer =
        rule.ports !== null && turned.fromPort >= 1024 && !isAmong(rule, turned, turned.fromPort);
      const isOurs = this.#seen.has(endsOf(turned)) || (isAnswer && this.#isMeant(rule, turned));
      return isOurs ? [{ entry: other, flow }] : [];
    });
  }

  #isMeant(rule: Rule, flow: Flow): boolean {
    const chains = chainsOf(rule);
    const isLocal = localAddresses();
    const isHere = chains.some((chain) =>
      chain === 'INPUT' || chain === 'FORWARD' ? isLocal(flow.server) === (chain === 'INPUT') : true,
    );
    return isHere && (isAmong(rule, flow, flow.toPort) || isAmong(rule, flow, flow.serverPort));
  }
}

/** Tells whether an address is one of this host. */
function localAddresses(): (address: string) => boolean {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const own = new Set(all.map(({ address }) => address));
  return (address) => own.has(address) || address.startsWith('127.') || address === '::1';
}

/** Whether the rule blocks that port of the flow's protocol. */
function isAmong(rule: Rule, { number, from }: Flow, port: number): boolean {
  return matchesOf(rule, familyOf(from)).some(
    ({ protocol, ports }) =>
      (protocol === null || protocol === number) &&
      (ports === null || ports.some(([first, last]) => first <= port && port <= last)),
  );
}

function endsOf({ protocol, server, serverPort, from, fromPort }: Flow): string {
  return `${protocol} ${server} ${serverPort} ${from} ${fromPort}`;
}

/** The same flow as if the other end had opened it. */
function turnedRound(flow: Flow): Flow {
  const { from, fromPort, to, toPort } = flow;
  return {
    ...flow,
    from: to,
    fromPort: toPort,
    to: from,
    toPort: fromPort,
    server: from,
    serverPort: fromPort,
  };
}

function listings(entries: readonly BanEntry[]): readonly Command[] {
  const few = entries.length <= FEW ? entries.map(({ address }) => address) : null;
  const families = new Set(entries.map(({ address }) => familyOf(address)));
  const flows = [...families].flatMap((family) => {
    const list = ['conntrack', '-L', '-f', `ipv${family}`] as const;
    if (few === null) return [command(list, { mayFail: true })];
    const own = few.filter((address) => familyOf(address) === family);
    return own.flatMap((address) =>
      ['-s', '-d'].map((end) => command([...list, end, address], { mayFail: true })),
    );
  });
  return [command(['ss', '-Htn'], { mayFail: true }), ...flows];
}

/** Reads a line of `conntrack -L` or `ss -Htn`; null for any other. */
export function readFlow(line: string): Flow | null {
  const socket = /^(?!TIME-WAIT)[A-Z][A-Z0-9-]+ +\d+ +\d+ +(\S+):(\d+) +(\S+):(\d+)/.exec(line);
  if (socket !== null) {
    const [server, from] = [socket[1], socket[3]].map((text) => bare(text ?? ''));
    const [serverPort, fromPort] = [Number(socket[2]), Number(socket[4])];
    const ends = { from: from ?? '', fromPort, to: server ?? '', toPort: serverPort };
    return { kind: 'socket', protocol: 'tcp', number: 6, ...ends, server: server ?? '', serverPort };
  }
  const start = /^(\w+) +(\d+) /.exec(line);
  if (start === null) return null;
  const all = (name: string): string[] =>
    [...line.matchAll(new RegExp(` ${name}=(\\S+)`, 'g'))].map(([, value = '']) => value);
  const [sources, targets, ports, dialled] = [all('src'), all('dst'), all('sport'), all('dport')];
  const [from, server] = sources;
  const [to] = targets;
  if (from === undefined || to === undefined || server === undefined) return null;
  return {
    kind: 'flow',
    ...{ protocol: start[1] ?? '', number: Number(start[2]), from, to, server },
    ...{
      fromPort: Number(ports[0] ?? 0),
      toPort: Number(dialled[0] ?? 0),
      serverPort: Number(ports[1] ?? 0),
    },
  };
}

/** An address as ss prints it, without brackets, interface and the prefix of IPv4 in IPv6. */
function bare(text: string): string {
  return text.replace(/^\[?(?:::ffff:(?=\d+\.))?/, '').replace(/(?:%[^\]]*)?\]?$/, '');
}

/** The commands that end the flows. */
function endings(flows: readonly Flow[]): readonly Command[] {
  const commands: Command[] = [];
  const sockets = flows.filter(({ kind }) => kind === 'socket');
  for (let i = 0; i < sockets.length; i += SOCKETS_A_PROGRAM) {
    const filters = sockets.slice(i, i + SOCKETS_A_PROGRAM).map(({ from, fromPort, serverPort }) => {
      const peer = from.includes(':') ? `[${from}]` : from;
      return `( dst ${peer}:${fromPort} and sport = :${serverPort} )`;
    });
    commands.push(command(['ss', '-K', '-tn', filters.join(' or ')], { mayFail: true }));
  }
  const tracked = flows.filter(({ kind, protocol }) => kind === 'flow' && protocol !== 'unknown');
  const byEnds = groupBy(
    tracked,
    (one) => `${one.protocol} ${one.from} ${one.fromPort} ${one.to} ${one.toPort}`,
  );
  for (const [one] of byEnds.values()) {
    if (one === undefined) continue;
    const { protocol, from, fromPort, to, toPort } = one;
    const ports = fromPort === 0 ? [] : ['--sport', `${fromPort}`, '--dport', `${toPort}`];
    const ends = ['-p', protocol, '-s', from, '-d', to, ...ports];
    commands.push(command(['conntrack', '-D', '-f', `ipv${familyOf(from)}`, ...ends], { mayFail: true }));
  }
  return commands;
}

async function inTurn(commands: readonly Command[], run: CutterParts['run']): Promise<readonly Output[]> {
  const outputs: Output[] = [];
  for (let i = 0; i < commands.length; i += AT_ONCE)
    outputs.push(...(await Promise.all(commands.slice(i, i + AT_ONCE).map((one) => run(one)))));
  return outputs;
}

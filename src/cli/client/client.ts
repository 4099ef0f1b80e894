/**
 * fail2ban-client and fail2ban-server: their options, words, answers and exit codes (0 and 255), for a daemon of f2b.
 *
 * The daemon is asked on the socket that the command line or fail2ban.conf names, else on f2b's own. Without a daemon only bans
 * and unbans work, on the state file.
 */
import { accessSync, constants, existsSync } from 'node:fs';
import { parseDuration } from '../../base/duration.ts';
import { ConfigError, formatProblem, type Problem, reasonOf } from '../../base/errors.ts';
import { formatLine, type Level } from '../../base/log.ts';
import type { PyValue } from '../../base/pickle.ts';
import { splitWords } from '../../base/shellwords.ts';
import { type Config, loadConfig } from '../../config/config.ts';
import { openReader } from '../../config/sections.ts';
import { readSettings } from '../../config/settings.ts';
import { IMITATED } from '../../daemon/control/host.ts';
import { compileJails } from '../../daemon/jails.ts';
import { readsJournalInstead } from '../../source/journal/journal.ts';
import { runtimePaths } from '../../state/runtime.ts';
import { banip } from '../banip.ts';
import { type Call, type Io, NO_OPTIONS, type Subcommand } from '../command.ts';
import { servicesText, statePathOf, treeOf } from '../context.ts';
import { unbanip } from '../unbanip.ts';
import { ask, type Reply } from './ask.ts';
import { dumpCommands } from './dump.ts';
import { type ClientOptions, readClientCall } from './options.ts';
import { printAnswer, printFault, pythonRepr } from './print.ts';
import { startInBackground, startInForeground } from './start.ts';
import { usage } from './usage.ts';

const FAILED = 255;
/** How long a daemon that stops may take until it is gone, in milliseconds. */
const STOP_MS = 60_000;

/** Seconds to wait for the daemon, as long as none are given. */
const TIMEOUT = 30;

/** The command line of fail2ban-client or fail2ban-server; answers the exit code. */
export async function runClient(argv: readonly string[], calledAs: string, io: Io): Promise<number> {
  const asked = readClientCall(argv);
  if (asked.kind === 'help' || asked.kind === 'wrong') io.stdout(usage(calledAs));
  if (asked.kind === 'number') io.stdout(`${IMITATED}\n`);
  if (asked.kind === 'version') io.stdout(`Fail2Ban v${IMITATED}\n`);
  if (asked.kind === 'wrong') return new Client(NOTHING, io).fail('Init of command line failed');
  if (asked.kind === 'seconds') {
    const seconds = parseDuration(asked.text);
    if (seconds === null) return new Client(NOTHING, io).fail(`cannot read "${asked.text}" as a duration`);
    io.stdout(`${seconds}\n`);
  }
  if (asked.kind !== 'words') return 0;
  const client = new Client(asked.options, io);
  try {
    return await client.run(asked.words, calledAs);
  } catch (error) {
    if (!(error instanceof ConfigError)) return client.fail(reasonOf(error));
    for (const one of error.problems) client.fail(formatProblem(one));
    return FAILED;
  }
}

const NOTHING = readOptions();

function readOptions(): ClientOptions {
  const call = readClientCall([]);
  if (call.kind !== 'words') throw new Error('no options are no mistake');
  return call.options;
}

/** The program as one command line has it. */
class Client {
  readonly #options: ClientOptions;
  readonly #io: Io;
  readonly #call: Call;
  /** Where the daemon may answer, the likeliest first. */
  #sockets: readonly string[] = [];

  constructor(options: ClientOptions, io: Io) {
    this.#options = options;
    this.#io = io;
    const global = { ...NO_OPTIONS, config: options.config };
    this.#call = { words: [], options: {}, global, io };
  }

  async run(words: readonly string[], calledAs: string): Promise<number> {
    const { isTest, dump, isInteractive } = this.#options;
    if (dump !== null) {
      const code = this.#dump();
      if (!isTest) return code;
    }
    if (isTest) {
      const isGood = this.#test();
      if (!isGood) return this.fail('ERROR: test configuration failed');
      if (words.length === 0) {
        this.#io.stdout('OK: configuration test is successful\n');
        return 0;
      }
    }
    this.#sockets = this.#findSockets();
    if (isInteractive) return this.#interact(words);
    if (words.length > 0) return this.#command(words);
    if (calledAs.endsWith('server')) return this.#start();
    this.#io.stdout(usage(calledAs));
    return FAILED;
  }

  /** Says an error as fail2ban-client's log does. */
  fail(text: string): number {
    this.#say('ERROR', text);
    return FAILED;
  }

  #say(level: Level, text: string): void {
    this.#io.stderr(formatLine(this.#io.now() * 1000, { level, channel: 'fail2ban', text }, process.pid));
  }

  #findSockets(): readonly string[] {
    const { socket } = this.#options;
    if (socket !== null) return [socket];
    const problems: Problem[] = [];
    const named = readSettings(openReader(treeOf(this.#call)), problems).options.get('socket');
    const own = runtimePaths(statePathOf(this.#call.global, this.#io), 'sock');
    return [...(named === undefined ? [] : [named]), ...own];
  }

  async #command(words: readonly string[]): Promise<number> {
    const [first, ...rest] = words;
    if (first === 'start' && rest.length === 0) return this.#start();
    if (first === 'restart' && rest.length === 0) return this.#restart();
    if (first === 'restart') return this.#reload(['--restart', ...rest]);
    if (first === 'reload') return this.#reload(rest);
    if (first === 'help') {
      this.#io.stdout(usage('fail2ban-client'));
      return 0;
    }
    const reply = await this.#ask(words);
    if (reply.kind === 'silent') return this.#withoutDaemon(words, reply.code);
    return this.#print(words, reply);
  }

  #print(words: readonly string[], reply: Reply): number {
    if (reply.kind === 'value') this.#io.stdout(`${printAnswer(words, reply.value)}\n`);
    if (reply.kind !== 'fault') return 0;
    const { args } = reply.fault;
    const tuple = `(${args.map(pythonRepr).join(', ')}${args.length === 1 ? ',' : ''})`;
    this.fail(`NOK: ${tuple}`);
    this.#io.stdout(`${printFault(reply.fault)}\n`);
    return FAILED;
  }

  /** Asks the first socket that is answered. */
  async #ask(words: readonly PyValue[], timeoutMs: number | null = null): Promise<Reply> {
    let last: Reply = { kind: 'silent', code: 'ENOENT' };
    for (const path of this.#sockets) {
      const reply = await ask(path, words, timeoutMs);
      if (reply.kind !== 'silent') return reply;
      if (last.kind === 'silent' && last.code === 'ENOENT') last = reply;
    }
    return last;
  }

  /** Without a daemon bans and unbans are made in the state file. */
  async #withoutDaemon(words: readonly string[], code: string): Promise<number> {
    const [first, jail = '', verb, ...ids] = words;
    const isOrder = code === 'ENOENT' || code === 'ECONNREFUSED';
    if (isOrder && this.#options.socket === null) {
      if (first === 'set' && verb === 'banip' && ids.length > 0) return this.#local(banip, [jail, ...ids]);
      if (first === 'set' && verb === 'unbanip' && ids.length > 0)
        return this.#local(unbanip, [jail, ...ids.filter((id) => id !== '--report-absent')]);
      if (first === 'unban' && jail === '--all') return this.#local(unbanip, [], { all: true });
      if (first === 'unban' && jail !== '') return this.#local(unbanip, words.slice(1));
    }
    return this.fail(this.#silence());
  }

  #silence(): string {
    const path = this.#sockets.find((one) => existsSync(one)) ?? this.#sockets[0] ?? '';
    if (!existsSync(path)) return `Failed to access socket path: ${path}. Is fail2ban running?`;
    try {
      accessSync(path, constants.W_OK);
      return 'Unable to contact server. Is it running?';
    } catch {
      return `Permission denied to socket: ${path},  (you must be root)`;
    }
  }

  async #local(
    command: Subcommand,
    words: readonly string[],
    options: Call['options'] = {},
  ): Promise<number> {
    const code = await command.run({ ...this.#call, words, options });
    return code === 0 ? 0 : FAILED;
  }

  async #start(): Promise<number> {
    if (await this.#isAlive()) return this.fail('Server already running');
    this.#load();
    const how = { options: this.#options, call: this.#call };
    if (this.#options.isForeground) return (await startInForeground(how)) === 0 ? 0 : FAILED;
    const seconds = parseDuration(this.#options.timeout ?? '') ?? TIMEOUT;
    const trouble = await startInBackground(how, () => this.#isAlive(), seconds * 1000);
    if (trouble !== null) return this.fail(trouble);
    this.#io.stdout('Server ready\n');
    return 0;
  }

  async #isAlive(): Promise<boolean> {
    return (await this.#ask(['ping'], 2000)).kind === 'value';
  }

  async #restart(): Promise<number> {
    await this.#command(['stop']);
    const end = performance.now() + STOP_MS;
    while (await this.#isAlive()) {
      if (performance.now() > end) return this.fail('Could not stop server');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return this.#start();
  }

  async #reload(words: readonly string[]): Promise<number> {
    const known = ['--restart', '--unban', '--if-exists'];
    const flags = words.filter((word) => known.includes(word));
    const rest = words.filter((word) => !known.includes(word));
    if (rest.length > 1) return this.fail(`Unexpected argument(s) for reload: ${pythonRepr(rest)}`);
    if (!(await this.#isAlive())) {
      this.fail(this.#silence());
      return this.fail('Could not find server');
    }
    const [jail = '--all'] = rest;
    const reply = await this.#ask(['reload', jail, flags.filter((flag) => flag !== '--if-exists')]);
    if (reply.kind === 'fault' && reply.fault.fault.endsWith('.UnknownJailException'))
      return this.fail(`Failed during configuration: No section: '${jail}'`);
    if (reply.kind !== 'value' || !(reply.value instanceof Map)) return this.#print(['reload'], reply);
    const report = reply.value;
    const texts = (key: string): readonly string[] => {
      const list = report.get(key);
      return Array.isArray(list) ? list.map(String) : [];
    };
    for (const text of texts('errors')) this.fail(text);
    if (report.get('isDone') !== true) return FAILED;
    for (const name of texts('skipped')) this.fail(`Errors in jail '${name}'. Skipping...`);
    this.#io.stdout('OK\n');
    for (const what of ['added', 'removed', 'changed'])
      if (texts(what).length > 0) this.#say('INFO', `${what}: ${texts(what).join(', ')}`);
    return 0;
  }

  /** The configuration. Throws ConfigError when it cannot be used as a whole. */
  #load(): Config {
    const options = { services: servicesText(), usesJournal: readsJournalInstead };
    const config = loadConfig(treeOf(this.#call), options);
    const wrong = config.problems.filter(({ severity, jail }) => severity === 'error' && jail === null);
    if (wrong.length > 0) throw new ConfigError(wrong);
    return config;
  }

  #test(): boolean {
    const config = this.#load();
    const problems = [...config.problems, ...compileJails(config.jails).problems];
    const errors = problems.filter(({ severity }) => severity === 'error');
    for (const one of errors) {
      this.fail(formatProblem(one));
      if (one.hint !== null) this.fail(`hint: ${one.hint}`);
    }
    return errors.length === 0;
  }

  #dump(): number {
    const config = this.#load();
    for (const line of dumpCommands(config)) this.#io.stdout(`${line}\n`);
    return 0;
  }

  /** Commands from standard input, until it ends or says so. */
  async #interact(words: readonly string[]): Promise<number> {
    if (words.length > 0) await this.#command(words);
    this.#io.stdout(
      `Fail2Ban v${IMITATED} is what f2b answers as here: "help" lists the commands.\n\nfail2ban> `,
    );
    let rest = '';
    for await (const chunk of this.#io.stdin) {
      const lines = `${rest}${String(chunk)}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const typed = splitWords(line.trim());
        if (typed[0] === 'exit' || typed[0] === 'quit') return 0;
        if (typed.length > 0) await this.#command(typed);
        this.#io.stdout('fail2ban> ');
      }
    }
    this.#io.stdout('\n');
    return 0;
  }
}

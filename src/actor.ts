import { reverse } from 'node:dns/promises';
import { hostname } from 'node:os';
import { type FilledText, fillTags } from './action/shelltext.ts';
import { type Surroundings, type Ticket, tagsOf } from './action/ticket.ts';
import { planAction } from './action.ts';
import { reasonOf } from './errors.ts';
import { failureOf, formatCommand, run } from './exec.ts';
import { command } from './firewall/backend.ts';
import type { ActionSource, Jail } from './jail.ts';
import type { Level } from './log.ts';

/** What the actors ask and tell. */
export type ActorParts = {
  onTrouble(level: Level, text: string): void;
  /** Numbers of the jail as they are now. */
  totals(jail: string): Omit<Surroundings, 'fqHostname' | 'ipHost'>;
  /** Prints a command in place of running it; null = run. */
  readonly print: ((text: string) => void) | null;
};

/** Steps of one jail that may wait; a mail server that hangs must not eat the memory. */
const MOST_WAITING = 1000;
/** Seconds a step may take where its action does not say (`timeout`). */
const TIMEOUT = 60;
/** How long the name of a banned address is looked for, in milliseconds. */
const NAME_MS = 2000;

type Step =
  | 'actionstart'
  | 'actionstop'
  | 'actionban'
  | 'actionunban'
  | 'actionflush'
  | 'actioncheck'
  | 'actionrepair'
  | 'actionreload';

/** The actions of a jail that are commands of their own, not firewalls that f2b drives itself. */
export function commandActions(jail: Jail): readonly ActionSource[] {
  return jail.actions.filter((action) => planAction(action).kind === 'command');
}

/**
 * Runs the command actions of one jail, one step after the other and beside everything else: a slow mail server delays
 * nobody's ban. Values from logs never become part of a command's text (see action/shelltext.ts).
 */
export class Actor {
  readonly #jail: string;
  readonly #actions: readonly ActionSource[];
  readonly #parts: ActorParts;
  readonly #started = new Set<ActionSource>();
  /** What was banned through each action since it was started, to be lifted when it stops without a flush. */
  readonly #banned = new Map<ActionSource, Map<string, Ticket>>();
  #queue: Promise<void> = Promise.resolve();
  #waiting = 0;
  #isFull = false;

  constructor(jail: Jail, parts: ActorParts) {
    this.#jail = jail.name;
    this.#actions = commandActions(jail);
    this.#parts = parts;
  }

  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  /** Runs `actionstart` of those that do not wait for their first ban. */
  start(): void {
    for (const action of this.#actions) {
      if (!isOn(action, 'actionstart_on_demand')) this.#enqueue(() => this.#begin(action));
    }
  }

  ban(ticket: Ticket): void {
    for (const action of this.#actions) {
      if (ticket.restored && isOn(action, 'norestored')) continue;
      this.#enqueue(async () => {
        await this.#begin(action);
        await this.#insist(action, 'actionban', ticket);
        const known = this.#banned.get(action) ?? new Map<string, Ticket>();
        this.#banned.set(action, known.set(ticket.id, ticket));
      });
    }
  }

  unban(ticket: Ticket): void {
    for (const action of this.#actions) {
      if (ticket.restored && isOn(action, 'norestored')) continue;
      this.#enqueue(async () => {
        this.#banned.get(action)?.delete(ticket.id);
        await this.#insist(action, 'actionunban', ticket);
      });
    }
  }

  /** Undoes what the actions did, the last one first: flush, or one unban after the other, then `actionstop`. */
  stop(): void {
    for (const action of [...this.#actions].reverse()) {
      this.#enqueue(async () => {
        if (!this.#started.has(action)) return;
        const banned = this.#banned.get(action) ?? new Map<string, Ticket>();
        if (textOf(action, 'actionflush', false) !== '') await this.#try(action, 'actionflush', null);
        else for (const ticket of banned.values()) await this.#try(action, 'actionunban', ticket);
        this.#banned.delete(action);
        await this.#try(action, 'actionstop', null);
        this.#started.delete(action);
      });
    }
  }

  /** Resolves when every step so far is done, or after `limitMs`. */
  async idle(limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    await Promise.race([this.#queue, limit]);
    clearTimeout(timer);
  }

  #enqueue(work: () => Promise<void>): void {
    if (this.#waiting >= MOST_WAITING) {
      if (!this.#isFull)
        this.#tell('ERROR', `${MOST_WAITING} steps of actions wait: further ones are dropped`);
      this.#isFull = true;
      return;
    }
    this.#waiting++;
    this.#queue = this.#queue.then(work).finally(() => {
      this.#waiting--;
      if (this.#waiting === 0) this.#isFull = false;
    });
  }

  async #begin(action: ActionSource): Promise<void> {
    if (this.#started.has(action)) return;
    this.#started.add(action);
    await this.#try(action, 'actionstart', null);
  }

  /** Once more after a failure, when the action's own check says that its ground is gone and it could be mended. */
  async #insist(action: ActionSource, step: Step, ticket: Ticket): Promise<void> {
    const reason = await this.#execute(action, step, ticket);
    if (reason === null) return;
    const isSound =
      textOf(action, 'actioncheck', false) === '' ||
      (await this.#execute(action, 'actioncheck', null)) === null;
    if (isSound || !(await this.#mend(action))) {
      this.#tell('ERROR', `${action.name}: ${step} failed: ${reason}`);
      return;
    }
    await this.#try(action, step, ticket);
  }

  async #mend(action: ActionSource): Promise<boolean> {
    if (textOf(action, 'actionrepair', false) !== '') await this.#execute(action, 'actionrepair', null);
    else {
      await this.#execute(action, 'actionstop', null);
      await this.#execute(action, 'actionstart', null);
    }
    return (await this.#execute(action, 'actioncheck', null)) === null;
  }

  async #try(action: ActionSource, step: Step, ticket: Ticket | null): Promise<void> {
    const reason = await this.#execute(action, step, ticket);
    if (reason !== null) this.#tell('ERROR', `${action.name}: ${step} failed: ${reason}`);
  }

  /** Why the step failed; null when it did its work or there is nothing to do. */
  async #execute(action: ActionSource, step: Step, ticket: Ticket | null): Promise<string | null> {
    const text = textOf(action, step, ticket?.id.includes(':') ?? false);
    if (text === '') return null;
    let filled: FilledText;
    try {
      const ipHost = ticket !== null && text.includes('<ip-host>') ? await nameOf(ticket.id) : '';
      const around = { ...this.#parts.totals(this.#jail), fqHostname: hostname(), ipHost };
      filled = fillTags(text, tagsOf(ticket, around));
    } catch (error) {
      return reasonOf(error);
    }
    const one = command(['/bin/sh', '-c', filled.text]);
    if (this.#parts.print !== null) {
      const env = Object.entries(filled.env).map(([name, value]) => `# ${name}=${JSON.stringify(value)}\n`);
      this.#parts.print(`${env.join('')}${formatCommand(one)}\n`);
      return null;
    }
    const seconds = Number(action.options.get('timeout') ?? TIMEOUT);
    const output = await run(one, Number.isFinite(seconds) && seconds > 0 ? seconds : TIMEOUT, {
      env: filled.env,
    });
    return failureOf(one, output);
  }

  #tell(level: Level, text: string): void {
    this.#parts.onTrouble(level, `[${this.#jail}] ${text}`);
  }
}

function textOf(action: ActionSource, step: Step, isIp6: boolean): string {
  const own = isIp6 ? action.options6.get(step) : undefined;
  return (own ?? action.options.get(step) ?? '').trim();
}

function isOn(action: ActionSource, key: string): boolean {
  return /^(?:1|on|true|yes)$/i.test(action.options.get(key)?.trim() ?? '');
}

async function nameOf(address: string): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), NAME_MS);
  });
  const names = await Promise.race([reverse(address).catch(() => []), limit]);
  clearTimeout(timer);
  return names[0] ?? '';
}

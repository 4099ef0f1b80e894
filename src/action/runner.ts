/**
 * Runs the command actions of a jail (action.d): start, ban, unban, flush, stop, one step after another.
 *
 * A step that fails or hangs is reported and delays no ban: the firewall does not wait for it. Values from
 * logs never become part of a command's text.
 *
 *     const runner = new ActionRunner(jail, { onTrouble, totals, env: {}, print: null });
 *     runner.ban(ticketOf('192.0.2.7', ban));
 *     await runner.idle(120_000);
 */
import { hostname } from 'node:os';
import { nameOf } from '../base/dns.ts';
import { reasonOf } from '../base/errors.ts';
import type { Level } from '../base/log.ts';
import { command, failureOf, formatCommand, run } from '../base/process.ts';
import { settledWithin } from '../base/timeout.ts';
import type { CommandAction, Jail } from '../config/jail.ts';
import { type FilledText, fillTags } from './shelltext.ts';
import {
  type ActionStep,
  familiesOf,
  familyFor,
  oncePerText,
  type StepFamily,
  startsOnDemand,
  stepText,
} from './steps.ts';
import { type TagContext, type Ticket, tagsOf } from './tags.ts';

/** The environment of a runner. */
export type RunnerParts = {
  onTrouble(level: Level, text: string): void;
  /** Current numbers of the jail, for tags. */
  totals(jail: string): Omit<TagContext, 'fqHostname' | 'ipHost'>;
  /** More environment of every command, such as the address of the system bus. */
  readonly env: Readonly<Record<string, string>>;
  /** Prints a command instead of running it; null = run it. */
  readonly print: ((text: string) => void) | null;
  /** Most steps in the queue; default MOST_WAITING. */
  readonly mostWaiting?: number;
};

/** Most steps of a jail in the queue; a mail server that hangs must not fill the memory. */
const MOST_WAITING = 50_000;

/** The actions of a jail that run commands, without the firewalls that f2b controls itself. */
export function commandActions(jail: Jail): readonly CommandAction[] {
  return jail.actions.filter((action) => action.kind === 'command');
}

/** Runs the command actions of one jail in sequence, independently of all other work. */
export class ActionRunner {
  readonly #jail: string;
  readonly #actions: readonly CommandAction[];
  readonly #parts: RunnerParts;
  readonly #started = new Map<CommandAction, Set<StepFamily>>();
  /** By action: bans since its start, to be lifted at its stop if it has no flush. */
  readonly #banned = new Map<CommandAction, Map<string, Ticket>>();
  #queue: Promise<void> = Promise.resolve();
  #waiting = 0;
  #isFull = false;

  constructor(jail: Jail, parts: RunnerParts) {
    this.#jail = jail.name;
    this.#actions = commandActions(jail);
    this.#parts = parts;
  }

  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  /** Runs `actionstart` of all actions that do not wait for their first ban, or the first of a family. */
  start(): void {
    for (const action of this.#actions) {
      if (startsOnDemand(action)) continue;
      for (const family of familiesOf(action)) this.#enqueue(() => this.#startOnce(action, family));
    }
  }

  ban(ticket: Ticket): void {
    for (const action of this.#actions) {
      if (ticket.restored && action.norestored) continue;
      this.#enqueue(async () => {
        await this.#startOnce(action, familyFor(action, ticket.id));
        await this.#runInsisting(action, 'actionban', ticket);
        const known = this.#banned.get(action) ?? new Map<string, Ticket>();
        this.#banned.set(action, known.set(ticket.id, ticket));
      });
    }
  }

  unban(ticket: Ticket): void {
    for (const action of this.#actions) {
      if (ticket.restored && action.norestored) continue;
      this.#enqueue(async () => {
        this.#banned.get(action)?.delete(ticket.id);
        await this.#runInsisting(action, 'actionunban', ticket);
      });
    }
  }

  /** Lifts the given bans, all of the jail: by `actionflush` if the action has one. */
  flush(tickets: readonly Ticket[]): void {
    for (const action of this.#actions) {
      this.#enqueue(async () => {
        this.#banned.delete(action);
        await this.#lift(action, new Set(tickets.map(({ id }) => familyFor(action, id))), tickets);
      });
    }
  }

  /** Undoes the actions, the last one first: flush or single unbans, then `actionstop`. */
  stop(): void {
    for (const action of [...this.#actions].reverse()) {
      this.#enqueue(async () => {
        const started = this.#started.get(action) ?? new Set();
        this.#started.delete(action);
        const banned = [...(this.#banned.get(action)?.values() ?? [])];
        this.#banned.delete(action);
        for (const family of oncePerText(action, 'actionflush', started)) {
          if (stepText(action, 'actionflush', family) !== '')
            await this.#try(action, 'actionflush', { family });
          else
            for (const ticket of banned) await this.#try(action, 'actionunban', ticketOnly(action, ticket));
        }
        for (const family of oncePerText(action, 'actionstop', started))
          await this.#try(action, 'actionstop', { family });
      });
    }
  }

  /** Resolves when every step so far is done, or after `limitMs`. */
  async idle(limitMs: number): Promise<void> {
    await settledWithin(limitMs, this.#queue);
  }

  #enqueue(work: () => Promise<void>): void {
    const most = this.#parts.mostWaiting ?? MOST_WAITING;
    if (this.#waiting >= most) {
      if (!this.#isFull) this.#tell('ERROR', `${most} steps of actions wait: further ones are dropped`);
      this.#isFull = true;
      return;
    }
    this.#waiting++;
    this.#queue = this.#queue.then(work).finally(() => {
      this.#waiting--;
      if (this.#waiting === 0) this.#isFull = false;
    });
  }

  async #lift(
    action: CommandAction,
    families: ReadonlySet<StepFamily>,
    tickets: readonly Ticket[],
  ): Promise<void> {
    const flushing = oncePerText(action, 'actionflush', families);
    if (flushing.every((family) => stepText(action, 'actionflush', family) === ''))
      for (const ticket of tickets) await this.#try(action, 'actionunban', ticketOnly(action, ticket));
    else for (const family of flushing) await this.#try(action, 'actionflush', { family });
  }

  async #startOnce(action: CommandAction, family: StepFamily): Promise<void> {
    const started = this.#started.get(action) ?? new Set();
    this.#started.set(action, started);
    if (started.has(family)) return;
    const isDone = oncePerText(action, 'actionstart', [...started, family]).length === started.size;
    started.add(family);
    if (!isDone) await this.#try(action, 'actionstart', { family });
  }

  /**
   * Tries once more after a failure, if the action's own check fails and can be repaired. After a repair an
   * unban has nothing to undo. fail2ban 1.0.2 behaviour.
   */
  async #runInsisting(action: CommandAction, step: ActionStep, ticket: Ticket): Promise<void> {
    const on = ticketOnly(action, ticket);
    const reason = await this.#execute(action, step, on);
    if (reason === null) return;
    const mayRepair = step !== 'actionunban' || action.repairOnUnban;
    if (
      !mayRepair ||
      (await this.#isInOrder(action, on.family)) ||
      !(await this.#repair(action, on.family))
    ) {
      this.#tell('ERROR', `${action.name}: ${step} failed: ${reason}`);
      return;
    }
    await this.#try(action, step, on);
    for (const other of this.#banned.get(action)?.values() ?? []) {
      const again = ticketOnly(action, other);
      if (other.id !== ticket.id && again.family === on.family) await this.#try(action, 'actionban', again);
    }
  }

  async #isInOrder(action: CommandAction, family: StepFamily): Promise<boolean> {
    if (stepText(action, 'actioncheck', family) === '') return true;
    return (await this.#execute(action, 'actioncheck', { family })) === null;
  }

  async #repair(action: CommandAction, family: StepFamily): Promise<boolean> {
    if (stepText(action, 'actionrepair', family) !== '')
      await this.#execute(action, 'actionrepair', { family });
    else {
      await this.#execute(action, 'actionstop', { family });
      await this.#execute(action, 'actionstart', { family });
    }
    return this.#isInOrder(action, family);
  }

  async #try(action: CommandAction, step: ActionStep, on: On): Promise<void> {
    const reason = await this.#execute(action, step, on);
    if (reason !== null) this.#tell('ERROR', `${action.name}: ${step} failed: ${reason}`);
  }

  /** Returns why the step failed; null if it succeeded or has nothing to do. */
  async #execute(action: CommandAction, step: ActionStep, on: On): Promise<string | null> {
    const { family } = on;
    const ticket = on.ticket ?? null;
    const text = stepText(action, step, family);
    if (text === '') return null;
    let filled: FilledText;
    try {
      const isNamed = ticket !== null && text.includes('<ip-host>');
      const ipHost = isNamed ? await nameOf(ticket.id) : '';
      const around = { ...this.#parts.totals(this.#jail), fqHostname: hostname(), ipHost };
      const read = tagsOf(ticket, around);
      filled = fillTags(text, (tag) => read(tag) ?? (tag === 'family' ? family : null));
    } catch (error) {
      return reasonOf(error);
    }
    const one = command(['/bin/sh', '-c', filled.text]);
    if (this.#parts.print !== null) {
      const env = Object.entries(filled.env).map(([name, value]) => `# ${name}=${JSON.stringify(value)}\n`);
      this.#parts.print(`${env.join('')}${formatCommand(one)}\n`);
      return null;
    }
    const env = { ...this.#parts.env, ...filled.env };
    const output = await run(one, action.timeout, { env, hasFiles: true });
    return failureOf(one, output);
  }

  #tell(level: Level, text: string): void {
    this.#parts.onTrouble(level, `[${this.#jail}] ${text}`);
  }
}

/** The target of a step: one ban, or all bans of a family. */
type On = { readonly family: StepFamily; readonly ticket?: Ticket };

function ticketOnly(action: CommandAction, ticket: Ticket): On {
  return { family: familyFor(action, ticket.id), ticket };
}

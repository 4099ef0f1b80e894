import { parseNetwork } from '../base/ip.ts';
import type { CommandAction } from '../config/jail.ts';

/** The commands of an action. */
const STEPS = [
  'actionstart',
  'actionstop',
  'actionban',
  'actionunban',
  'actionflush',
  'actioncheck',
  'actionrepair',
] as const;
/** One of the commands of an action. */
export type ActionStep = (typeof STEPS)[number];

/**
 * The addresses for which an action is started: one family, or both at once ('') if the commands are the
 * same.
 */
export type StepFamily = '' | 'inet4' | 'inet6';

/** The command of a step for a family; '' = nothing to do. */
export function stepText(action: CommandAction, step: ActionStep, family: StepFamily): string {
  const own = family === 'inet6' ? action.options6.get(step) : undefined;
  return (own ?? action.options.get(step) ?? '').trim();
}

/** An action with other commands for IPv6 is started for each family separately. */
export function familiesOf(action: CommandAction): readonly StepFamily[] {
  return STEPS.some((step) => action.options6.has(step)) ? ['inet4', 'inet6'] : [''];
}

/** The family in which a ban of this id is carried out. */
export function familyFor(action: CommandAction, id: string): StepFamily {
  const [first = ''] = familiesOf(action);
  if (first === '') return first;
  return parseNetwork(id)?.family === 6 ? 'inet6' : 'inet4';
}

/** The families, without those whose command equals that of an earlier one. */
export function oncePerText(
  action: CommandAction,
  step: ActionStep,
  families: Iterable<StepFamily>,
): readonly StepFamily[] {
  const byText = new Map<string, StepFamily>();
  for (const family of families) {
    const text = stepText(action, step, family);
    const key = text.includes('<family>') ? `${family} ${text}` : text;
    if (!byText.has(key)) byText.set(key, family);
  }
  return [...byText.values()];
}

/**
 * By default an action with other commands for IPv6 waits for a ban of that family. fail2ban 1.0.2 behaviour.
 */
export function startsOnDemand(action: CommandAction): boolean {
  return action.startOnDemand ?? familiesOf(action).length > 1;
}

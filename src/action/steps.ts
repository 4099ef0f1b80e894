import { parseNetwork } from '../base/ip.ts';
import type { CommandAction } from '../config/jail.ts';

/** The commands that an action may have. */
const STEPS = [
  'actionstart',
  'actionstop',
  'actionban',
  'actionunban',
  'actionflush',
  'actioncheck',
  'actionrepair',
] as const;
/** One of the commands that an action may have. */
export type ActionStep = (typeof STEPS)[number];

/** For which addresses an action was started: for one family, or for both in one ('') where its commands are the same. */
export type StepFamily = '' | 'inet4' | 'inet6';

/** The command of a step for a family; '' = there is nothing to do. */
export function stepText(action: CommandAction, step: ActionStep, family: StepFamily): string {
  const own = family === 'inet6' ? action.options6.get(step) : undefined;
  return (own ?? action.options.get(step) ?? '').trim();
}

/** Actions with other commands for IPv6 are started for each family by itself. */
export function familiesOf(action: CommandAction): readonly StepFamily[] {
  return STEPS.some((step) => action.options6.has(step)) ? ['inet4', 'inet6'] : [''];
}

/** The family under which a ban of this id is carried out. */
export function familyFor(action: CommandAction, id: string): StepFamily {
  const [first = ''] = familiesOf(action);
  if (first === '') return first;
  return parseNetwork(id)?.family === 6 ? 'inet6' : 'inet4';
}

/** The families, without those for which the command would be the same as for an earlier one. */
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

/** Where the action does not say, one with other commands for IPv6 waits for a ban of that family. fail2ban 1.0.2 behaviour. */
export function startsOnDemand(action: CommandAction): boolean {
  return action.startOnDemand ?? familiesOf(action).length > 1;
}

import type { Problem } from '../base/errors.ts';
import { problem } from '../base/errors.ts';
import type { Services } from '../base/ports.ts';
import { FIREWALL_ACTIONS, planAction, wishedPorts } from './actionkind.ts';
import { blame } from './blame.ts';
import { splitNamed } from './brackets.ts';
import type { Scope } from './interpolate.ts';
import { findOption } from './interpolate.ts';
import type { ActionSource } from './jail.ts';
import { readAction } from './readaction.ts';
import type { Reader } from './sections.ts';
import type { Text } from './text.ts';
import { placeOf } from './text.ts';

/** Resolves the actions that a jail's `action` lists; those with a mistake are left out, and the mistake is told. */
export function readActions(
  input: { readonly reader: Reader; readonly services: Services },
  scope: Scope,
  vars: ReadonlyMap<string, Text>,
  problems: Problem[],
): ActionSource[] {
  const text = vars.get('action');
  if (text === undefined) return [];
  const actions: ActionSource[] = [];
  for (const piece of splitNamed(text.text)) {
    const line = text.text.slice(0, piece.at).split('\n').length - 1;
    const name = /^[^[]*/.exec(piece.text)?.[0] ?? '';
    const source = blame(scope, name, text.places[line] ?? placeOf(text));
    const use = { jail: scope.section, vars };
    const action = readAction(input.reader, { text: piece.text, ...source }, use, problems);
    if (action === null) continue;
    const hint = 'give one of them another name: [actname=...]';
    const isTwin = actions.some((other) => other.name === action.name);
    const place = findOption(scope.sections, scope.section, 'action')?.place ?? source.place;
    const told = `two actions are called "${action.name}"`;
    if (isTwin) problems.push(problem(told, { place, key: 'action', hint }));
    else actions.push(action);
    checkAction(action, scope, input.services, problems);
  }
  return actions;
}

/** What is wrong with an action is told at the line of the jail's own option. */
function checkAction(action: ActionSource, scope: Scope, services: Services, problems: Problem[]): void {
  const plan = planAction(action);
  if (plan.kind === 'command') {
    if (['actionban', 'actionstart'].some((key) => (action.options.get(key) ?? '') !== '')) return;
    const isTold = problems.some((one) => one.severity === 'error');
    if (!FIREWALL_ACTIONS.includes(action.type)) {
      if (isTold) return;
      const told = `the action "${action.type}" does nothing on a ban`;
      problems.push(problem(told, { severity: 'warning', place: action.place, key: 'action' }));
      return;
    }
    const block = action.options.get('blocktype') ?? '';
    const hint = 'write REJECT, DROP or tcp-reset';
    problems.push(
      problem(`cannot use "${block}" as blocktype`, { ...blame(scope, block, action.place), hint }),
    );
    return;
  }
  const refuse = (word: string, what: string, hint: string): void => {
    problems.push(problem(`cannot ${what}`, { ...blame(scope, word, action.place), hint }));
  };
  for (const word of wishedPorts(plan.rule, services).bad) {
    const hint = 'write a number from 1 to 65535, a range such as 80:90, or a service of /etc/services';
    refuse(word, `read "${word}" as a port`, hint);
  }
  for (const word of plan.rule.protocols) {
    if (!/^(?:[a-z][a-z0-9-]*|\d{1,3})$/.test(word))
      refuse(word, `read "${word}" as a protocol`, 'write tcp or udp');
  }
  for (const word of plan.rule.chains) {
    const isChain = /^[A-Za-z0-9_][\w.+:-]{0,28}$/.test(word);
    if (!isChain) refuse(word, `use "${word}" as a chain`, 'write INPUT or DOCKER-USER');
  }
}

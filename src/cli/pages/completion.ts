import { GLOBAL_OPTIONS, type OptionSpec, type Subcommand } from '../command.ts';

/** The shells for which there is a completion, and where a package puts it. */
export const SHELLS = {
  bash: 'bash-completion/completions/f2b',
  zsh: 'zsh/site-functions/_f2b',
  fish: 'fish/vendor_completions.d/f2b.fish',
} as const;

export type Shell = keyof typeof SHELLS;

/** Makes the completion of a shell from the table of commands. */
export function completionOf(shell: Shell, commands: readonly Subcommand[]): string {
  return { bash, zsh, fish }[shell](commands);
}

/** What may follow a command, besides its options. */
type Follower = 'jails' | 'commands' | 'files' | 'none';

function followerOf({ name, usage }: Subcommand): Follower {
  if (name === 'help') return 'commands';
  if (/\bJAIL\b/.test(usage)) return 'jails';
  return /\b(?:LOG|FILE)\b/.test(usage) ? 'files' : 'none';
}

const spellings = ({ name, short }: OptionSpec): readonly string[] => [
  `--${name}`,
  ...(short === undefined ? [] : [`-${short}`]),
];

/** The jails are asked of f2b itself, with the options that lead to them. */
const JAILS = "f2b status 2>/dev/null | sed -n 's/.*Jail list:[[:space:]]*//p' | tr -d ','";

function bash(commands: readonly Subcommand[]): string {
  const cases = commands.map((one) => {
    const words = one.options.flatMap(spellings).join(' ');
    const more = { jails: `$(${JAILS})`, commands: '$commands', files: '', none: '' }[followerOf(one)];
    const files = followerOf(one) === 'files' ? '; files=yes' : '';
    return `    ${one.name}) words="${words}"; more="${more}"${files} ;;`;
  });
  const valued = [...GLOBAL_OPTIONS, ...commands.flatMap(({ options }) => options)].filter(
    ({ value }) => value !== undefined,
  );
  return `# Completion of f2b for bash.
_f2b() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command= i words= more= files=
  local commands="${commands.map(({ name }) => name).join(' ')}"
  local shared="${GLOBAL_OPTIONS.flatMap(spellings).join(' ')}"
  case $before in
    ${[...new Set(valued.flatMap(spellings))].join('|')}) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case " $commands " in *" \${COMP_WORDS[i]} "*) command=\${COMP_WORDS[i]}; break ;; esac
  done
  case $command in
    "") more=$commands ;;
${cases.join('\n')}
  esac
  case $word in
    -*) COMPREPLY=($(compgen -W "$words $shared" -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "$more" -- "$word")); [ -z "$files" ] || COMPREPLY+=($(compgen -f -- "$word")) ;;
  esac
}
complete -F _f2b f2b
`;
}

function zsh(commands: readonly Subcommand[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const spec = (option: OptionSpec): string => {
    const about = option.help.replace(/[[\]:]/g, '\\$&');
    const value = option.value === undefined ? '' : `:${option.value}:_files`;
    return spellings(option)
      .map((word) => quoted(`${word}[${about}]${value}`))
      .join(' ');
  };
  const cases = commands.map((one) => {
    const rest = {
      jails: `'*:jail:_f2b_jails'`,
      commands: `'*:command:_f2b_commands'`,
      files: `'*:file:_files'`,
      none: '',
    }[followerOf(one)];
    return `    ${one.name}) _arguments ${[...one.options, ...GLOBAL_OPTIONS].map(spec).join(' ')} ${rest} ;;`;
  });
  return `#compdef f2b
# Completion of f2b for zsh.
_f2b_jails() {
  local -a jails
  jails=(\${=$(${JAILS})})
  compadd -a jails
}
_f2b_commands() {
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join('\n')}
  )
  _describe command commands
}
_f2b() {
  local context state line
  _arguments -C ${GLOBAL_OPTIONS.map(spec).join(' ')} '1:command:_f2b_commands' '*::argument:->rest'
  [[ $state = rest ]] || return
  case $line[1] in
${cases.join('\n')}
  esac
}
_f2b "$@"
`;
}

function fish(commands: readonly Subcommand[]): string {
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const option = (condition: string, { name, short, value, help }: OptionSpec): string =>
    `complete -c f2b -n ${quoted(condition)} -l ${name}${short === undefined ? '' : ` -s ${short}`}${
      value === undefined ? '' : ' -r'
    } -d ${quoted(help)}`;
  const names = commands.map(({ name }) => name).join(' ');
  const none = `not __fish_seen_subcommand_from ${names}`;
  const lines = commands.flatMap((one) => {
    const seen = `__fish_seen_subcommand_from ${one.name}`;
    const follower = followerOf(one);
    const words = { jails: `(${JAILS} | tr ' ' '\\n')`, commands: names, files: '', none: '' }[follower];
    return [
      `complete -c f2b -f -n ${quoted(none)} -a ${one.name} -d ${quoted(one.summary)}`,
      ...(words === '' ? [] : [`complete -c f2b -f -n ${quoted(seen)} -a ${quoted(words)}`]),
      ...(follower === 'files' ? [`complete -c f2b -F -n ${quoted(seen)}`] : []),
      ...one.options.map((spec) => option(seen, spec)),
    ];
  });
  return `# Completion of f2b for fish.
complete -c f2b -f
${GLOBAL_OPTIONS.map((spec) => option('true', spec)).join('\n')}
${lines.join('\n')}
`;
}

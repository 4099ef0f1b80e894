import { backtest } from './backtest/backtest.ts';
import { banip } from './banip.ts';
import { banned } from './banned.ts';
import { check } from './check/check.ts';
import type { Subcommand } from './command.ts';
import { ping, reload, stop } from './control.ts';
import { demo } from './demo/demo.ts';
import { flush } from './flush.ts';
import { get } from './get.ts';
import { makeHelp } from './help.ts';
import { makeInstall } from './install/install.ts';
import { uninstall } from './install/uninstall.ts';
import { metrics } from './metrics/metrics.ts';
import { regex } from './regex/regex.ts';
import { report } from './report/report.ts';
import { run } from './run.ts';
import { set } from './set.ts';
import { status } from './status.ts';
import { exportBans } from './transfer/export.ts';
import { importBans } from './transfer/import.ts';
import { unbanip } from './unbanip.ts';
import { version } from './version.ts';
import { why } from './why/why.ts';

/** All commands, in the order of `f2b help`. */
export const COMMANDS: readonly Subcommand[] = [
  run,
  status,
  banned,
  why,
  report,
  banip,
  unbanip,
  flush,
  importBans,
  exportBans,
  metrics,
  get,
  set,
  ping,
  reload,
  stop,
  regex,
  backtest,
  check,
  makeInstall(() => COMMANDS),
  uninstall,
  demo,
  version,
  makeHelp(() => COMMANDS),
];

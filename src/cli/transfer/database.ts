import { chmodSync, closeSync, openSync, readSync } from 'node:fs';
import { MachineError, reasonOf } from '../../base/errors.ts';
import { canonicalIp, contains, parseNetwork } from '../../base/ip.ts';
import { type ForeignBan, type ForeignBans, foreignBan } from './foreign.ts';

type Sqlite = typeof import('node:sqlite');
type Database = InstanceType<Sqlite['DatabaseSync']>;

/** Whether a file is an SQLite database. */
export function isDatabase(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(16);
    readSync(fd, head, 0, 16, 0);
    return head.toString('latin1') === 'SQLite format 3\0';
  } finally {
    closeSync(fd);
  }
}

/**
 * The bans that fail2ban's database remembers, those that are over too: the last one of each address in each jail. Throws
 * MachineError when the file is no such database.
 */
export function bansOfDatabase(path: string): ForeignBans {
  return withDatabase(path, { readOnly: true }, (database) => {
    const table = tablesOf(database).has('bips') ? 'bips' : 'bans';
    if (!tablesOf(database).has(table))
      throw new MachineError(`${path} is not fail2ban's database: no table "bips"`);
    const columns = columnsOf(database, table);
    const wanted = ['jail', 'ip', 'timeofban', 'bantime', 'bancount', 'data'].filter((name) =>
      columns.has(name),
    );
    const rows = database.prepare(`SELECT ${wanted.join(', ')} FROM ${table} ORDER BY timeofban`).all();
    // Of an address in a jail the last row counts: an older database keeps one for each of its bans.
    const last = new Map(rows.map((row) => [`${String(row['jail'])} ${String(row['ip'])}`, row]));
    return { bans: [...last.values()].map(banOfRow), problems: [] };
  });
}

/** Tells of bans of 584 million years and of times before 1970 as the text they are. */
const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);

function banOfRow(row: Readonly<Record<string, unknown>>): ForeignBan {
  const { jail, ip, timeofban, bantime, bancount, data } = row;
  const at = number(timeofban);
  const length = bantime === undefined || bantime === -2 ? undefined : number(bantime);
  const { matches, failures } = dataOf(data);
  return foreignBan(String(ip), {
    jail: String(jail),
    at,
    until: length === undefined ? undefined : length < 0 ? null : at + length,
    count: Math.max(1, Math.trunc(number(bancount))),
    failures,
    matches,
  });
}

function dataOf(value: unknown): { readonly matches: readonly string[]; readonly failures: number } {
  const text =
    value instanceof Uint8Array ? Buffer.from(value).toString() : typeof value === 'string' ? value : '{}';
  let json: unknown = null;
  try {
    json = JSON.parse(text);
  } catch {
    // What a ban remembers besides its time is of use only where it can be read.
  }
  if (typeof json !== 'object' || json === null) return { matches: [], failures: 0 };
  const matches = 'matches' in json && Array.isArray(json.matches) ? json.matches : [];
  const failures = 'failures' in json ? Math.max(0, Math.trunc(number(json.failures))) : 0;
  // A match is a line, or its parts.
  return { matches: matches.map((one) => (Array.isArray(one) ? one.join('') : String(one))), failures };
}

/** A ban as fail2ban's database has it. Times are epoch seconds, `until` null = for ever. */
export type DatabaseBan = Required<Omit<ForeignBan, 'jail' | 'at' | 'until'>> & {
  readonly jail: string;
  readonly at: number;
  readonly until: number | null;
};

/** The tables that fail2ban 0.11 to 1.1 uses. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS fail2banDb(version INTEGER);
CREATE TABLE IF NOT EXISTS jails(name TEXT NOT NULL UNIQUE, enabled INTEGER NOT NULL DEFAULT 1);
CREATE INDEX IF NOT EXISTS jails_name ON jails(name);
CREATE TABLE IF NOT EXISTS logs(jail TEXT NOT NULL, path TEXT, firstlinemd5 TEXT, lastfilepos INTEGER DEFAULT 0,
  FOREIGN KEY(jail) REFERENCES jails(name) ON DELETE CASCADE, UNIQUE(jail, path), UNIQUE(jail, path, firstlinemd5));
CREATE INDEX IF NOT EXISTS logs_path ON logs(path);
CREATE INDEX IF NOT EXISTS logs_jail_path ON logs(jail, path);
CREATE TABLE IF NOT EXISTS bans(jail TEXT NOT NULL, ip TEXT, timeofban INTEGER NOT NULL, bantime INTEGER NOT NULL,
  bancount INTEGER NOT NULL default 1, data JSON, FOREIGN KEY(jail) REFERENCES jails(name));
CREATE INDEX IF NOT EXISTS bans_jail_timeofban_ip ON bans(jail, timeofban);
CREATE INDEX IF NOT EXISTS bans_jail_ip ON bans(jail, ip);
CREATE INDEX IF NOT EXISTS bans_ip ON bans(ip);
CREATE TABLE IF NOT EXISTS bips(ip TEXT NOT NULL, jail TEXT NOT NULL, timeofban INTEGER NOT NULL, bantime INTEGER NOT NULL,
  bancount INTEGER NOT NULL default 1, data JSON, PRIMARY KEY(ip, jail), FOREIGN KEY(jail) REFERENCES jails(name));
CREATE INDEX IF NOT EXISTS bips_timeofban ON bips(timeofban);
CREATE INDEX IF NOT EXISTS bips_ip ON bips(ip);
`;

/** The version of these tables, as fail2ban counts it. */
const SCHEMA_VERSION = 4;

/** The jails of which no other ban may stand at that time, in epoch seconds. A network's addresses that the database has go on. */
export type Replaced = { readonly jails: readonly string[]; readonly now: number };

/**
 * Writes bans into fail2ban's database, which is made if there is none; what it holds besides stays, but for bans of the jails to
 * replace. Throws MachineError when the file is no database, or one of an older fail2ban.
 */
export function writeDatabase(path: string, bans: readonly DatabaseBan[], replaced?: Replaced): void {
  withDatabase(path, { readOnly: false }, (database) => {
    database.exec('BEGIN IMMEDIATE');
    database.exec(SCHEMA);
    const [row] = database.prepare('SELECT version FROM fail2banDb').all();
    if (row === undefined) database.prepare('INSERT INTO fail2banDb(version) VALUES(?)').run(SCHEMA_VERSION);
    else if (row['version'] !== SCHEMA_VERSION)
      throw new MachineError(
        `${path} has the tables of another fail2ban (version ${String(row['version'])})`,
      );
    const written = replaced === undefined ? bans : replacing(database, bans, replaced);
    const jail = database.prepare('INSERT OR IGNORE INTO jails(name, enabled) VALUES(?, 1)');
    const values = '(jail, ip, timeofban, bantime, bancount, data) VALUES(?, ?, ?, ?, ?, ?)';
    const [ban, last] = [`INSERT INTO bans${values}`, `INSERT OR REPLACE INTO bips${values}`].map((one) =>
      database.prepare(one),
    );
    for (const one of written) {
      jail.run(one.jail);
      const length = one.until === null ? -1 : Math.max(1, Math.round(one.until - one.at));
      const data = JSON.stringify({ matches: one.matches, failures: one.failures });
      const cells = [one.jail, one.id, Math.round(one.at), length, one.count, data] as const;
      ban?.run(...cells);
      last?.run(...cells);
    }
    database.exec('COMMIT');
  });
  chmodSync(path, 0o600);
}

/**
 * Ends the standing bans of these jails. A network is banned by those of its addresses that were banned so far, if there are any:
 * fail2ban's sets in nftables take no networks.
 */
function replacing(
  database: Database,
  bans: readonly DatabaseBan[],
  { jails, now }: Replaced,
): readonly DatabaseBan[] {
  const standing = 'FROM bips WHERE jail = ? AND (bantime < 0 OR timeofban + bantime > ?)';
  const [select, end] = [`SELECT ip ${standing}`, `DELETE ${standing}`].map((one) => database.prepare(one));
  return jails.flatMap((jail) => {
    const before = (select?.all(jail, now) ?? []).flatMap(({ ip }) => canonicalIp(String(ip)) ?? []);
    end?.run(jail, now);
    const networks = new Map<string, readonly string[]>();
    for (const ban of bans.filter((one) => one.jail === jail && one.id.includes('/'))) {
      const network = parseNetwork(ban.id);
      const inside = network === null ? [] : before.filter((ip) => contains(network, ip));
      if (inside.length > 0) networks.set(ban.id, inside);
    }
    return bans
      .filter((ban) => ban.jail === jail)
      .flatMap((ban) => (networks.get(ban.id) ?? [ban.id]).map((id) => ({ ...ban, id })));
  });
}

function withDatabase<T>(
  path: string,
  options: { readonly readOnly: boolean },
  work: (database: Database) => T,
): T {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  let database: Database | null = null;
  try {
    database = new DatabaseSync(path, { ...options, timeout: 5000 });
    return work(database);
  } catch (error) {
    if (error instanceof MachineError) throw error;
    throw new MachineError(
      `cannot ${options.readOnly ? 'read' : 'write'} the database ${path}: ${reasonOf(error)}`,
    );
  } finally {
    database?.close();
  }
}

const tablesOf = (database: Database): ReadonlySet<string> =>
  new Set(
    database
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
      .all()
      .map(({ name }) => String(name)),
  );

const columnsOf = (database: Database, table: string): ReadonlySet<string> =>
  new Set(
    database
      .prepare(`PRAGMA table_info(${table})`)
      .all()
      .map(({ name }) => String(name)),
  );

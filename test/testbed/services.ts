/** What a row of the tables of services says; test/scenarios/services.test.ts drives them. */

/** One client's behaviour, with an address of its own. */
export type Attack = {
  /** A claim's subject: `unknown user`. */
  readonly what: string;
  /** A shell script in the attacker's namespace: $HOST is the server, $AT the same as a part of a URL, `talk` a raw connection. */
  readonly run: string;
  /** How many of its lines count, by jail; the jails that are not named count none. */
  readonly counts: Readonly<Record<string, number>>;
  /** Whether it comes over IPv6. */
  readonly isV6?: boolean;
};

/** A jail of ours as users enable it. */
export type ServiceJail = {
  readonly name: string;
  /** The attacks' word for what it counts, where more than one row is of this jail; the first is the one that bans. */
  readonly key?: string;
  /** More lines of the jail. */
  readonly options?: readonly string[];
  /** From where it reads: its log file, the journal, or each by itself. */
  readonly reads?: 'file' | 'journal' | 'both';
  /** fail2ban's jail to compare with. */
  readonly stock?: string;
};

export type Service = {
  readonly name: string;
  /** Debian's packages; the first one's version is told. */
  readonly packages: readonly string[];
  /** A shell script: configuration, users. */
  readonly setup: string;
  /** Units and the shell scripts that start them. */
  readonly units: Readonly<Record<string, string>>;
  /** Its own logs below /var/log, for the report of a failure. */
  readonly logs?: string;
  readonly port: number;
  readonly jails: readonly ServiceJail[];
  readonly attacks: readonly Attack[];
};

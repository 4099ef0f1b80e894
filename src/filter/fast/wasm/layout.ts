// The memory layout shared by TypeScript and AssemblyScript: addresses, and offsets within a table. All
// values are bytes; a field is a 4-byte integer unless stated otherwise. Both languages import this file, so
// it contains only code that means the same in both.

// Addresses in the memory. For scan(): the tables of a finder.
export const NIBBLES = 0; // 6 x 16 bytes: low and high halves of the window's three bytes
export const HASHES = 128; // 4096 x u16: 1 + the first literal with that hash, 0 = none
export const STAMPS = 8320; // 2048 x i32: the last line with the literal
export const LITERALS = 16512; // MOST_LITERALS x LITERAL
export const TEXTS = 49280;
export const RECORDS = 82048; // after the texts: results of scan()
export const RECORDS_ROOM = 65536;
export const DATE = 147584; // 48 bytes
export const SPENT = 147640; // counter of the work of compiled regexes
export const BOUNDS = 147648; // bounds of their groups
export const BOUNDS_ROOM = 32768;
export const TEXT = 180416; // room for a line without its date
export const MOST_TEXT = 4096; // longer lines are left to the caller
export const TABLES = 184576; // for drive(): the header, the lanes and their tables
export const TABLES_ROOM = 65536;
export const ENTRIES = 250112; // results of drive()
export const ENTRIES_ROOM = 40960;
export const DATA = 291072; // the log

// A literal: its text, length u16, offset of its window u16, the next literal with its hash u16, whether it
// ignores case u16.
export const LITERAL = 16;
export const MOST_LITERALS = 2048;
export const LITERAL_LENGTH = 4;
export const LITERAL_WINDOW = 6;
export const LITERAL_NEXT = 8;
export const LITERAL_FOLDED = 10;

// A record: start and end of a line, number of its literals, and the literals.
export const RECORD = 12; // without the numbers
export const RECORD_END = 4;
export const RECORD_COUNT = 8;

// The header of TABLES: number of lanes, and for each literal the address of a list: n, n x (word, bits), m,
// m x lane. The lanes follow.
export const HEADER = 16;
export const HEADER_TARGETS = 4;

// A word, for 32 failregexes: a line, the regexes that may match that line, and those that may match any
// line.
export const WORD = 12;
export const WORD_MARKS = 4;
export const WORD_ALWAYS = 8;

// A lane: a filter of the batch matcher. Begins with the time of its date without seconds, f64.
export const LANE = 128;
export const LANE_LOW = 8; // f64: lines with an earlier or later date are left
export const LANE_HIGH = 16; // f64
export const LANE_FLAGS = 24;
export const LANE_CONCERNED = 28; // the last line that the lane needs
export const LANE_WORDS = 32;
export const LANE_WORD_COUNT = 36;
export const LANE_REGEXES = 40;
export const LANE_IGNORES = 44; // functions
export const LANE_IGNORE_COUNT = 48;
export const LANE_PREFIX = 52; // function, 0 = there is none
export const LANE_PREFIX_SLOT = 56; // bounds of the head's match, or of the content
export const LANE_MOST = 60; // lines of at least this length are left
export const LANE_DATE = 64;
export const LANE_DATE_LENGTH = 68; // including what follows it, LANE_CLOSING bytes
export const LANE_DIGITS = 72;
export const LANE_TENS = 76;
export const LANE_WALL = 80; // 0 = the date is at the beginning of the line
export const LANE_BEFORE = 84; // characters before such a date
export const LANE_SECONDS = 88; // offset in the date; -1 = they are fixed
export const LANE_DATED = 92; // count of lines with the known date; below: bounds of the last one, offset of its date
export const LANE_LAST_START = 96;
export const LANE_LAST_END = 100;
export const LANE_PLACE = 104;
export const LANE_PREFIXED = 108; // count of lines that matched only prefregex
export const LANE_CLOSING = 112; // length of the text after the date that must match

// A lane's flags.
export const IS_ON = 1;
export const IS_ALWAYS = 2; // it needs every line
export const IS_HEAD = 4; // its prefix matches the text before the content
export const IGNORES_FIRST = 8;
export const CHECKS_ALL = 16;
export const TELLS_ALL = 32; // also report lines without a failure, except those that match at most prefregex
export const HOLDS = 64; // stop after each line that matches

// A failregex: its function, and the words for the bounds of its groups; 0 = absent.
export const REGEX = 36;
export const REGEX_IP = 4;
export const REGEX_SESSION = 8;
export const REGEX_NOFAIL = 12;
export const REGEX_GAINED = 16;
export const REGEX_FORGOTTEN = 20;
export const REGEX_USER = 24;
export const REGEX_ALT_USER = 28;
export const REGEX_IS_ODD = 32; // its captures are judged in JavaScript

// An entry, the result of drive() for a line: the number of its lane, and
export const ENTRY = 44;
export const ENTRY_KIND = 4;
export const ENTRY_START = 8;
export const ENTRY_END = 12;
export const ENTRY_REGEX = 16;
export const ENTRY_IP = 20;
export const ENTRY_SECOND = 24;
export const ENTRY_ID = 28; // bounds of the session's id and of the user
export const ENTRY_ID_END = 32;
export const ENTRY_USER = 36;
export const ENTRY_USER_END = 40;

// An entry's kind: a verdict and flags.
export const IGNORED = 0;
export const HELPER = 1;
export const MATCHED = 2;
export const VERDICT_BITS = 15;
export const IN_SESSION = 16;
export const IS_PREFIXED = 32;
export const IS_FORGOTTEN = 64;
export const IS_OPEN = 128; // the captures are to be judged in JavaScript
export const HAS_IP = 256;
export const IS_GAINED = 512;

// Why drive() stopped.
export const DONE = 0;
export const PAUSED = 1; // time to check the clock
export const FULL = 2;
export const LEFT = 3; // the line is left to the caller, for this lane
export const HELD = 4; // its last entry must be judged first

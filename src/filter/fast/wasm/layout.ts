// What TypeScript and AssemblyScript write into each other's memory: addresses, and offsets within a table. All in bytes; a field is
// an integer of 4 bytes where nothing else is said. Imported by both languages, so that only what means the same in both stands here.

// Where things stand in the memory. For scan(): the tables of a finder.
export const NIBBLES = 0; // 6 x 16 bytes: low and high halves of the window's three bytes
export const HASHES = 128; // 4096 x u16: 1 + the first literal with that hash, 0 = none
export const STAMPS = 8320; // 2048 x i32: the line on which the literal was found last
export const LITERALS = 16512; // MOST_LITERALS x LITERAL
export const TEXTS = 49280;
export const RECORDS = 82048; // behind the texts; what scan() found
export const RECORDS_ROOM = 65536;
export const DATE = 147584; // 48 bytes
export const SPENT = 147640; // where compiled regexes add up their work
export const BOUNDS = 147648; // where they put the bounds of their groups
export const BOUNDS_ROOM = 32768;
export const TEXT = 180416; // room for a line without its date
export const MOST_TEXT = 4096; // longer lines are left
export const TABLES = 184576; // for drive(): the header, the lanes and what they lead to
export const TABLES_ROOM = 65536;
export const ENTRIES = 250112; // what drive() tells
export const ENTRIES_ROOM = 40960;
export const DATA = 291072; // the log

// A literal: its text, length u16, where its window is u16, the next with its hash u16, whether it is in letters of any case u16.
export const LITERAL = 16;
export const MOST_LITERALS = 2048;
export const LITERAL_LENGTH = 4;
export const LITERAL_WINDOW = 6;
export const LITERAL_NEXT = 8;
export const LITERAL_FOLDED = 10;

// A record: a line's start and end, how many literals are in it, their numbers.
export const RECORD = 12; // without the numbers
export const RECORD_END = 4;
export const RECORD_COUNT = 8;

// The header of TABLES: how many lanes there are, and where it stands what each literal speaks for: a list n, n x (word, bits), m,
// m x lane. The lanes follow.
export const HEADER = 16;
export const HEADER_TARGETS = 4;

// A word, for 32 failregexes: the line that it speaks of, which of them may match that, which may match any.
export const WORD = 12;
export const WORD_MARKS = 4;
export const WORD_ALWAYS = 8;

// A lane: a filter at work on the lines. Begins with the time of its date without the seconds, f64.
export const LANE = 128;
export const LANE_LOW = 8; // f64: dates below or beyond are left
export const LANE_HIGH = 16; // f64
export const LANE_FLAGS = 24;
export const LANE_CONCERNED = 28; // the line that it has to see
export const LANE_WORDS = 32;
export const LANE_WORD_COUNT = 36;
export const LANE_REGEXES = 40;
export const LANE_IGNORES = 44; // functions
export const LANE_IGNORE_COUNT = 48;
export const LANE_PREFIX = 52; // function, 0 = there is none
export const LANE_PREFIX_SLOT = 56; // bounds of the head's match, or of the content
export const LANE_MOST = 60; // a line of so many bytes is left
export const LANE_DATE = 64;
export const LANE_DATE_LENGTH = 68; // with what closes it
export const LANE_DIGITS = 72;
export const LANE_TENS = 76;
export const LANE_WALL = 80; // 0 = the date stands at the line's beginning
export const LANE_BEFORE = 84; // characters before it, where it stands there
export const LANE_SECONDS = 88; // where in it; -1 = they do not change
export const LANE_DATED = 92; // lines whose date was known, the last of them and where the date stood in that
export const LANE_LAST_START = 96;
export const LANE_LAST_END = 100;
export const LANE_PLACE = 104;
export const LANE_PREFIXED = 108; // lines that were missed behind prefregex
export const LANE_CLOSING = 112; // length of what closes the date

// A lane's flags.
export const IS_ON = 1;
export const IS_ALWAYS = 2; // it has to see every line
export const IS_HEAD = 4; // its prefix matches what stands before the content
export const IGNORES_FIRST = 8;
export const CHECKS_ALL = 16;
export const TELLS_ALL = 32; // also lines that are no failures, of those that are missed only how many prefregex matched
export const HOLDS = 64; // stops behind each line that matches

// A failregex: its function, and where the bounds of its groups are put; 0 = it has none.
export const REGEX = 36;
export const REGEX_IP = 4;
export const REGEX_SESSION = 8;
export const REGEX_NOFAIL = 12;
export const REGEX_GAINED = 16;
export const REGEX_FORGOTTEN = 20;
export const REGEX_USER = 24;
export const REGEX_ALT_USER = 28;
export const REGEX_IS_ODD = 32; // what it captured is to be judged elsewhere

// An entry, what drive() tells of a line: the number of its lane, and
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

// An entry's kind: one of these, and bits.
export const IGNORED = 0;
export const HELPER = 1;
export const MATCHED = 2;
export const VERDICT_BITS = 15;
export const IN_SESSION = 16;
export const IS_PREFIXED = 32;
export const IS_FORGOTTEN = 64;
export const IS_OPEN = 128; // what was captured is to be judged
export const HAS_IP = 256;
export const IS_GAINED = 512;

// Why drive() came back.
export const DONE = 0;
export const PAUSED = 1; // time to look at the clock
export const FULL = 2;
export const LEFT = 3; // this line of this lane is left
export const HELD = 4; // its entry is the last

import { monthOf } from './monthname.ts';
import { weekdays } from './tokens.ts';
import { isSteady, offsetAt, parseOffset, toInstant, type Zone } from './zone.ts';

/** The meaning of a date. */
export type Moment = {
  /** Epoch seconds. */
  readonly time: number;
  /** The text has this meaning as long as `now` is before this. */
  readonly until: number;
  /**
   * No change of clocks is near: other seconds in the same minute shift the time by exactly the difference.
   */
  readonly isSteady: boolean;
};

/** The fields of a date; null = not given. */
type DateFields = {
  year: number | null;
  month: number | null;
  day: number | null;
  hour: number;
  minute: number;
  second: number;
  offset: number | null;
  weekday: number | null;
  yearday: number | null;
  week: number | null;
  weekFromMonday: boolean;
  hour12: boolean;
  afternoon: boolean;
};

const DAY = 86400;

/**
 * Reads the fields (letter, text) of a matched date as of `now`; null if there is no such date. A missing
 * year is this year, or the last if the date would be over a day ahead; a missing day is today, or yesterday
 * if ahead.
 */
export function momentOf(
  found: readonly (readonly [field: string, text: string])[],
  zone: Zone,
  now: number,
): Moment | null {
  const fields = readFields(found);
  if (fields === null) return null;
  const own: Zone = fields.offset === null ? zone : { kind: 'fixed', seconds: fields.offset };
  const clock = fields.hour * 3600 + fields.minute * 60 + fields.second;
  // Negated, so that NaN from a custom group fails as well.
  if (!(fields.hour <= 23 && fields.minute <= 59 && fields.second <= 59)) return null;
  const nowWall = now + offsetAt(own, now);
  const today = Math.floor(nowWall / DAY);
  const thisYear = yearOf(today);
  const day = dayNumber(fields, fields.year ?? thisYear, today);
  if (day === null) return null;
  const wall = day * DAY + clock;
  const moment = (meant: number, limit: number): Moment => ({
    time: toInstant(own, meant, now),
    // Two hours less, since the clocks may change before then.
    until: now + limit - nowWall - 7200,
    isSteady: isSteady(own, meant),
  });
  if (isDayMissing(fields)) {
    const isAhead = wall > nowWall;
    return moment(
      isAhead ? wall - DAY : wall,
      Math.min((today + 1) * DAY, isAhead ? wall : Number.POSITIVE_INFINITY),
    );
  }
  if (fields.year !== null) return moment(wall, Number.POSITIVE_INFINITY);
  const newYear = dayOf(thisYear + 1, 1, 1) * DAY;
  if (wall <= nowWall + DAY) return moment(wall, newYear);
  const before = dayNumber(fields, thisYear - 1, today);
  return before === null ? null : moment(before * DAY + clock, Math.min(newYear, wall - DAY));
}

/** Days since 1970-01-01 of a date of the Gregorian calendar. */
export function dayOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return (
    era * 146097 +
    yearOfEra * 365 +
    Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) +
    dayOfYear -
    719468
  );
}

function yearOf(day: number): number {
  return new Date(day * DAY * 1000).getUTCFullYear();
}

/** Whether there is no day: neither month nor day, nor day of the year, nor week and weekday. */
function isDayMissing(fields: DateFields): boolean {
  const isInWeek = fields.week !== null && fields.weekday !== null;
  return fields.month === null && fields.day === null && fields.yearday === null && !isInWeek;
}

/** The day (from 1970-01-01) of the fields in a year; null if there is no such day. */
function dayNumber(fields: DateFields, year: number, today: number): number | null {
  if (!(year >= 1 && year <= 9999)) return null;
  if (isDayMissing(fields)) {
    const date = new Date(today * DAY * 1000);
    return fields.year === null ? today : realDay(year, date.getUTCMonth() + 1, date.getUTCDate());
  }
  if (fields.month === null || fields.day === null) {
    const yearday = fields.yearday ?? yeardayOf(fields, year);
    return yearday === null ? null : dayOf(year, 1, 1) + yearday - 1;
  }
  return realDay(year, fields.month, fields.day);
}

function realDay(year: number, month: number, day: number): number | null {
  if (!(month >= 1 && month <= 12)) return null;
  const number = dayOf(year, month, day);
  const following = month === 12 ? dayOf(year + 1, 1, 1) : dayOf(year, month + 1, 1);
  return day >= 1 && number < following ? number : null;
}

/** The day of the year (from 1) for a week number and a weekday, as %U and %W count. */
function yeardayOf(fields: DateFields, year: number): number | null {
  if (fields.week === null || fields.weekday === null) return null;
  const shift = fields.weekFromMonday ? 0 : 1;
  const newYear = (((dayOf(year, 1, 1) + 3) % 7) + 7 + shift) % 7;
  const weekday = (fields.weekday + shift) % 7;
  if (fields.week === 0) return 1 + weekday - newYear;
  return 1 + ((7 - newYear) % 7) + 7 * (fields.week - 1) + weekday;
}

function readFields(found: readonly (readonly [field: string, text: string])[]): DateFields | null {
  const fields: DateFields = {
    year: null,
    month: null,
    day: null,
    hour: 0,
    minute: 0,
    second: 0,
    offset: null,
    weekday: null,
    yearday: null,
    week: null,
    weekFromMonday: false,
    hour12: false,
    afternoon: false,
  };
  for (const [field, text] of found) if (!setField(fields, field, text)) return null;
  if (fields.hour12) fields.hour = (fields.hour === 12 ? 0 : fields.hour) + (fields.afternoon ? 12 : 0);
  return fields;
}

/** Sets one field; false if the text is not valid. */
function setField(fields: DateFields, field: string, text: string): boolean {
  switch (field) {
    case 'Y':
      fields.year = Number(text);
      break;
    case 'y':
      fields.year = 2000 + Number(text);
      break;
    case 'm':
      fields.month = Number(text);
      break;
    case 'b':
      fields.month = monthOf(text);
      break;
    case 'd':
      fields.day = Number(text);
      break;
    case 'I':
      fields.hour12 = true;
      fields.hour = Number(text);
      break;
    case 'H':
      fields.hour = Number(text);
      break;
    case 'p':
      fields.afternoon = text.toLowerCase() === 'pm';
      break;
    case 'M':
      fields.minute = Number(text);
      break;
    case 'S':
      fields.second = Number(text);
      break;
    case 'z':
      fields.offset = parseOffset(text);
      return fields.offset !== null;
    default:
      setCalendarField(fields, field, text);
  }
  return true;
}

function setCalendarField(fields: DateFields, field: string, text: string): void {
  if (field === 'a') fields.weekday = weekdays.indexOf(text.slice(0, 3).toLowerCase());
  if (field === 'w') fields.weekday = (Number(text) + 6) % 7;
  if (field === 'j') fields.yearday = Number(text);
  if (field === 'U' || field === 'W') {
    fields.week = Number(text);
    fields.weekFromMonday = field === 'W';
  }
}

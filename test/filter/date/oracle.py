"""Answers, one JSON line a question, which time the installed fail2ban finds in lines, and where."""

import json
import logging
import os
import re
import sys
import time

sys.path.insert(0, "/usr/lib/python3/dist-packages")
logging.disable(logging.CRITICAL)

from fail2ban.server import datedetector  # noqa: E402
from fail2ban.server.mytime import MyTime  # noqa: E402
from fail2ban.server.strptime import TZ_ABBR_OFFS  # noqa: E402


def detector(pattern, zone):
    """A detector as new: the templates' own counters live as long as the process."""
    made = datedetector.DateDetector()
    made.default_tz = zone
    if pattern is None:
        made.addDefaultTemplate()
    else:
        for line in filter(bool, map(str.strip, re.split("\n+", pattern))):
            made.appendTemplate(line)
    for each in made.templates:
        each.template.hits = 0
    return made


def prime():
    """mktime reads an hour that occurs twice by the offset it used last: let that be the greater one."""
    year = time.localtime(MyTime.time()).tm_year
    halves = [time.mktime((year, month, 15, 12, 0, 0, 0, 0, -1)) for month in (1, 7)]
    best = max(halves, key=lambda at: time.localtime(at).tm_gmtoff)
    time.mktime(time.localtime(best)[:8] + (-1,))


def find(made, line):
    match = made.matchTime(line)
    if match[0] is None:
        return None
    start, end = match[0].span(1)
    if start == end:
        return ["empty", start, end]
    prime()
    named = match[0].groupdict().get("Z") or match[0].groupdict().get("z")
    if named and re.match("[A-Za-z]*", named).group() not in TZ_ABBR_OFFS:
        return "misread"
    try:
        found = made.getTime(line[start:end], match)
    except (KeyError, TypeError, AttributeError):
        return None
    return None if found is None else [found[0], start, end]


for question in sys.stdin:
    asked = json.loads(question)
    os.environ["TZ"] = asked["tz"]
    time.tzset()
    MyTime.setTime(asked["now"])
    try:
        # A line's date depends on no other line here: each is a detector's first.
        answer = [find(detector(asked["pattern"], asked["zone"]), line) for line in asked["lines"]]
    except (TypeError, ValueError) as error:
        answer = str(error)
    print(json.dumps(answer), flush=True)

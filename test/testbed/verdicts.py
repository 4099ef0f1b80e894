"""Has fail2ban's own filters judge lines, as one process: a line of JSON in, a line of JSON out.

    {"filter": "sshd"}      -> {"ok": true}, or {"error": "..."}
    {"lines": ["...", ..]}  -> {"ids": [["192.0.2.1"], [], ..]}

Each line is judged as the first of a log: nothing is kept from one to the next.
usage: verdicts.py FOLDER, which has filter.d in it
"""
import json
import logging
import os
import sys

logging.disable(logging.CRITICAL)
os.environ["TZ"] = "UTC"
from fail2ban.client.filterreader import FilterReader
from fail2ban.server.datedetector import DateDetector
from fail2ban.server.filter import Filter


def loaded(folder, name):
    """The options of a filter: (key, value) in their order."""
    reader = FilterReader(name, "x", {}, basedir=folder)
    if not reader.read():
        raise ValueError("cannot read the filter " + name)
    reader.applyAutoOptions("auto")
    reader.getOptions(None)
    for command in reader.convert():
        for value in command[3] if command[0] == "multi-set" else command[3:]:
            yield command[2], value


def made(options):
    one = Filter(None)
    one.setUseDns("raw")
    one.setLogTimeZone("UTC")
    one.checkFindTime = False
    for key, value in options:
        if key == "prefregex":
            one.prefRegex = value
        elif key == "addfailregex":
            one.addFailRegex(value)
        elif key == "addignoreregex":
            one.addIgnoreRegex(value)
        elif key == "maxlines":
            one.setMaxLines(int(value))
    return one


def forget(one, options):
    """Back to what it was before its first line; compiling its regexes anew would take too long."""
    patterns = [value for key, value in options if key == "datepattern" and value]
    one.dateDetector = DateDetector()
    one.dateDetector.default_tz = one.getLogTimeZone()
    if patterns:
        one.setDatePattern(patterns[-1])
    else:
        one.dateDetector.addDefaultTemplate()
    one._Filter__lastDate = None
    one._Filter__lastTimeText = ""
    one._Filter__lineBuffer = []
    one._Filter__mlfidCache = None


def main():
    options, one = [], None
    for text in sys.stdin:
        asked = json.loads(text)
        try:
            if "filter" in asked:
                options = list(loaded(sys.argv[1], asked["filter"]))
                one = made(options)
                answer = {"ok": True}
            else:
                ids = []
                for line in asked["lines"]:
                    forget(one, options)
                    found = one.processLine(line)
                    ids.append([str(each[1]) for each in found if each[1] is not None])
                answer = {"ids": ids}
        except Exception as error:
            answer = {"error": repr(error)}
        print(json.dumps(answer), flush=True)


main()

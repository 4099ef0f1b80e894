"""Answers, one JSON line a question, what the installed fail2ban and CPython's re make of patterns and texts."""

import glob
import json
import os
import re
import sys

PACKAGE = "/usr/lib/python3/dist-packages"
sys.path.insert(0, PACKAGE)

LOGS = os.path.join(PACKAGE, "fail2ban/tests/files/logs")
compiled = {}


def option_sets(path):
    """The option sets that a sample log asks for, the plain one first."""
    sets, common = [{}], {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            found = re.match(r"^#+ ?((?:file|filter)Options):(.+)$", line)
            if not found:
                continue
            value = json.loads(found.group(2))
            if found.group(1) == "fileOptions":
                common = value
                continue
            for each in value if isinstance(value, list) else [value]:
                merged = {**common, **each}
                options = {k: v for k, v in merged.items() if not k.startswith("test.")}
                if options not in sets:
                    sets.append(options)
    return sets


def read_filter(name, options, base="/etc/fail2ban"):
    """One filter as the original's reader resolves it."""
    from fail2ban.client.filterreader import FilterReader

    reader = FilterReader(name, "jail", dict(options), basedir=base)
    if not reader.read():
        return None
    reader.getOptions({})
    found = {"failregex": [], "ignoreregex": [], "prefregex": None, "maxlines": 1, "datepattern": None}
    for option in reader.convert():
        key = option[2]
        values = option[3] if option[0] == "multi-set" else [option[3]]
        for value in values:
            if key in ("addfailregex", "addignoreregex"):
                found[key[3:]].append(value)
            elif key == "maxlines":
                found[key] = int(value)
            elif key in ("prefregex", "datepattern"):
                found[key] = value
    return found


def texts_of(name, options, resolved):
    """The sample lines as the regexes see them: without the date, and what prefregex leaves of them."""
    from fail2ban.server.filter import Filter

    flt = Filter(None)
    if resolved["datepattern"]:
        flt.setDatePattern(resolved["datepattern"])
    if resolved["prefregex"]:
        flt.prefRegex = resolved["prefregex"]
    out = []
    path = os.path.join(LOGS, name)
    if not os.path.isfile(path):
        return out
    with open(path, encoding="utf-8", errors="replace", newline="\n") as file:
        for line in file:
            if line.startswith("#") or not line.strip():
                continue
            line = line.rstrip("\r\n")
            found = flt.dateDetector.matchTime(line)[0]
            if found and options.get("logtype") != "journal":
                line = line[: found.start(1)] + line[found.end(1) :]
            out.append(line + "\n")
            if flt.prefRegex:
                flt.prefRegex.search([(line, "", "")])
                if flt.prefRegex.hasMatched():
                    content = flt.prefRegex.getGroups().get("content")
                    if content:
                        out.append(content + "\n")
    return list(dict.fromkeys(out))


def corpus():
    from fail2ban.server.failregex import Regex

    filters = []
    for path in sorted(glob.glob("/etc/fail2ban/filter.d/*.conf")):
        name = os.path.basename(path)[:-5]
        if name.endswith("common"):
            continue
        log = os.path.join(LOGS, name)
        for options in option_sets(log) if os.path.isfile(log) else [{}]:
            resolved = read_filter(name, options)
            if resolved is None:
                continue
            patterns = [(text, resolved["maxlines"] > 1) for text in resolved["failregex"]]
            patterns += [(text, False) for text in resolved["ignoreregex"]]
            if resolved["prefregex"]:
                patterns.append((resolved["prefregex"], False))
            filters.append({"name": name, "patterns": [], "texts": texts_of(name, options, resolved)})
            for text, multiline in patterns:
                key = json.dumps([text, multiline])
                if key in compiled:
                    continue
                compiled[key] = Regex(text, multiline=multiline)._regexObj
                filters[-1]["patterns"].append({"key": key, "text": text, "multiline": multiline})
    return filters


def open_filter(options):
    from fail2ban.server.filter import Filter

    flt = Filter(None, useDns=options["usedns"])
    flt.inOperation = options["live"]
    flt.checkFindTime = True
    flt.setFindTime(options["findtime"])
    resolved = options["resolved"]
    if resolved["datepattern"]:
        flt.setDatePattern(resolved["datepattern"])
    flt.setMaxLines(resolved["maxlines"])
    flt.prefRegex = resolved["prefregex"]
    for text in resolved["failregex"]:
        flt.addFailRegex(text)
    for text in resolved["ignoreregex"]:
        flt.addIgnoreRegex(text)
    return flt


def process(question):
    """What a filter in operation makes of the lines: for each line the failures as [regex, id, time, fields, matches]."""
    from fail2ban.server.mytime import MyTime

    flt = open_filter(question)
    out = []
    for line, now in question["lines"]:
        MyTime.setTime(now)
        failures = []
        try:
            found = flt.processLine(line)
        except Exception:  # the original logs these and goes on, with what it had changed until then
            out.append(None)
            continue
        for index, fid, date, fail in found:
            fields = {k: v for k, v in fail.items() if isinstance(v, (str, tuple))}
            matches = ["".join(match) for match in fail.get("matches", [])]
            failures.append([index, str(fid), min(date, now), fields, matches])
        out.append(failures)
    MyTime.setTime(None)
    return out


def answer(question):
    do = question["do"]
    if do == "corpus":
        return corpus()
    if do == "filter":
        return read_filter(question["name"], question["options"], question.get("base", "/etc/fail2ban"))
    if do == "options":
        return option_sets(os.path.join(LOGS, question["name"]))
    if do == "process":
        return process(question)
    if do == "compile":
        try:
            compiled[question["key"]] = re.compile(question["pattern"])
            return None
        except (re.error, OverflowError) as error:
            return str(error)
    regex = compiled[question["key"]]
    out = []
    for text in question["texts"]:
        try:
            found = regex.search(text)
        except SystemError:
            out.append("broken")  # a bug of CPython's own, which it asks to report
            continue
        if found is None:
            out.append(None)
        else:
            spans = {name: found.span(name) for name in regex.groupindex if found.group(name) is not None}
            out.append([found.start(), found.end(), spans])
    return out


if __name__ == "__main__":
    import logging

    logging.disable(logging.CRITICAL)
    for question in sys.stdin:
        print(json.dumps(answer(json.loads(question))), flush=True)

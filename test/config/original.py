"""Resolves configurations with fail2ban's own reader and prints a list of what came out as JSON.

usage: original.py FOLDER ..
standard input: {"filters": [[name, {option: value}, backend], ...], "actions": [[name, {option: value}], ...],
                 "jails": whether to read the jails, "force": whether as if all of them were enabled}
"""
import json
import logging
import sys

logging.disable(logging.CRITICAL)
from fail2ban.client.configreader import ConfigReader
from fail2ban.client.actionreader import ActionReader
from fail2ban.client.filterreader import FilterReader
from fail2ban.client.jailreader import JailReader
from fail2ban.client.jailsreader import JailsReader
from fail2ban.helpers import substituteRecursiveTags
from fail2ban.server.action import CommandAction
from fail2ban.server.mytime import MyTime

DURATIONS = ("findtime", "bantime", "bantime.maxtime", "bantime.rndtime")


def texts(options):
    return {key: str(value) for key, value in options.items() if value is not None}


def filter_of(reader):
    return texts({k: v for k, v in reader.getCombined().items() if k in FilterReader._configOpts})


def action_of(action):
    options = action.getCombined(ignore=CommandAction._escapedTags | {"timeout", "bantime"})
    wanted = {
        key: value
        for key, value in options.items()
        if not key.startswith("known/") and (key in ActionReader._configOpts or key in action._initOpts)
    }
    families = []
    for family in ("inet4", "inet6"):
        ignore = CommandAction._escapedTags | {"timeout", "bantime"}
        full = substituteRecursiveTags(texts(wanted), "family=" + family, ignore=ignore)
        plain = {key: value for key, value in full.items() if "?" not in key}
        suffix = "?family=" + family
        plain.update({key[: -len(suffix)]: value for key, value in full.items() if key.endswith(suffix)})
        families.append(plain)
    return {"name": action.getName(), "type": action.getFile(), "inet4": families[0], "inet6": families[1]}


def jail_of(jail):
    name = jail.getName()
    if jail.options.get("config-error"):
        return {"error": jail.options["config-error"]}
    options = texts(ConfigReader.getOptions(jail, name, JailReader._configOpts, None, False, False))
    seconds = {key: MyTime.str2seconds(options[key]) for key in DURATIONS if key in options}
    used = jail._JailReader__filter
    return {
        "enabled": True,
        "options": options,
        "seconds": seconds,
        "filter": filter_of(used) if used else None,
        "actions": [action_of(a) for a in jail._JailReader__actions if isinstance(a, ActionReader)],
    }


def read_jails(folder, force):
    reader = JailsReader(force_enable=force, share_config={})
    reader.setBaseDir(folder)
    reader.read()
    jails = {}
    for section in [name for name in reader.sections() if name != "INCLUDES"]:
        before = len(reader.jails)
        try:
            reader.getOptions(section)
            jails.update((jail.getName(), jail_of(jail)) for jail in reader.jails[before:])
        except Exception as error:
            jails[section] = {"error": str(error)}
    return jails


def read_filter(folder, name, given, backend, share):
    try:
        reader = FilterReader(name, "jail", dict(given), share_config=share, basedir=folder)
        reader.read()
        reader.applyAutoOptions(backend)
        reader.getOptions(None, all=True)
        reader.getOptions(None)
        return filter_of(reader)
    except Exception as error:
        return {"error": str(error)}


def read_action(folder, name, given, share):
    try:
        action = ActionReader(name, "jail", dict(given), share_config=share, basedir=folder)
        action.read()
        action.getOptions({})
        return action_of(action)
    except Exception as error:
        return {"error": str(error)}


def answer(folder, asked):
    share = {}
    filters = [read_filter(folder, *one, share) for one in asked["filters"]]
    actions = [read_action(folder, *one, share) for one in asked["actions"]]
    jails = read_jails(folder, asked["force"]) if asked["jails"] else {}
    return {"filters": filters, "actions": actions, "jails": jails}


asked = json.load(sys.stdin)
json.dump([answer(folder, asked) for folder in sys.argv[1:]], sys.stdout)

"""The commands behind `make`: `python -m lab VERB`; without one it lists them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from lab.desk import calls, demo, doctor, knowledge, migration, operate
from lab.desk.api import Refused, TooSlow
from lab.desk.running import NotRunning
from lab.stack.place import NoPlace
from lab.stack.program import StartFailed
from lab.stack.servers import NoServer
from shared.contracts.relay import Transport
from shared.settings import SettingsError

TOLD = (NotRunning, Refused, TooSlow, NoPlace, NoServer, StartFailed, SettingsError)
"""Errors whose message is meant for the person who typed the command."""
PLAIN: dict[str, Callable[[], int]] = {"up": operate.up, "down": operate.down, "doctor": doctor.doctor}
"""Commands without options."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    commands = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    verbs = commands.add_subparsers(dest="verb", required=True)
    shown = verbs.add_parser("demo", help="everything on this machine, one scripted call, its ticket")
    shown.add_argument(
        "--once", action="store_true", help="stop afterwards; the exit status says whether all went well"
    )
    shown.add_argument("--kb", type=_folder, help="a folder of articles instead of the sample company's")
    verbs.add_parser("up", help="the platform, with real vendors where their keys are set")
    verbs.add_parser("down", help="stop what runs from this folder")
    placed = verbs.add_parser("call", help="simulated calls on the running stack")
    placed.add_argument("--scenario", default=calls.DEFAULT_SCENARIO)
    placed.add_argument("--transport", type=Transport, choices=list(Transport), help="change the agents to this first")
    placed.add_argument("--questions", type=_file, help="a .jsonl file with `question` and, if known, `article`")
    placed.add_argument("--count", type=int, default=20)
    placed.add_argument("--at-once", type=int, default=1)
    placed.add_argument("--collection", default=demo.COLLECTION)
    uploaded = verbs.add_parser("kb", help="upload a folder of Markdown, HTML or text files")
    uploaded.add_argument("folder", type=_folder)
    uploaded.add_argument("--collection", default=demo.COLLECTION)
    verbs.add_parser("dead-letters", help="tasks that gave up, and why")
    again = verbs.add_parser("replay", help="send dead letters again")
    again.add_argument("ids", nargs="*")
    again.add_argument("--all", action="store_true")
    probe = verbs.add_parser("kayako-probe", help="what this Kayako tenant can do, and what to mend")
    probe.add_argument("--write", action="store_true")
    verbs.add_parser("doctor", help="what is missing here, and how to mend it")
    verbs.add_parser("migration", help="a migration from the models").add_argument("message")
    return commands


def _folder(text: str) -> Path:
    if not (path := Path(text)).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return path


def _file(text: str) -> Path:
    if not (path := Path(text)).is_file():
        raise argparse.ArgumentTypeError(f"{text} is not a file")
    return path


def command(chosen: argparse.Namespace) -> Callable[[], int]:
    """What the chosen verb does."""
    match chosen.verb:
        case "demo":
            return lambda: demo.demo(once=chosen.once, kb=chosen.kb)
        case "up" | "down" | "doctor":
            return PLAIN[chosen.verb]
        case "call" if chosen.questions:
            return lambda: calls.ask(chosen.questions, chosen.count, chosen.at_once, chosen.collection)
        case "call":
            return lambda: calls.call(chosen.scenario, chosen.transport)
        case "kb":
            return lambda: knowledge.kb(chosen.folder, chosen.collection)
        case "dead-letters":
            return lambda: operate.background("dead-letters")
        case "replay":
            return lambda: operate.background("replay", *(["--all"] if chosen.all else chosen.ids))
        case "kayako-probe":
            return lambda: operate.kayako_probe(write=chosen.write)
        case _:
            return lambda: migration.migration(chosen.message)


def main() -> int:
    """Run the command; its exit status."""
    try:
        return command(parser().parse_args())()
    except TOLD as error:
        print(error, file=sys.stderr)
        return 1
    except httpx.TransportError as error:
        print(f"the running stack does not answer ({error}); `make doctor` says more", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

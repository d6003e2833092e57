"""edge-deploy: put a bundle on devices, or on a phone, so that each runs the old or the new version, verified.

Each subcommand is a module with a ``main`` of its own, so that one needs only the packages of its own part.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from edge.cli import _main

COMMANDS: dict[str, tuple[str, str]] = {
    "push": ("edge.cli._deploy_push", "put a bundle on devices (the word push may be left out)"),
    "status": ("edge.cli._deploy_hosts:status", "show what devices run, verified"),
    "list": ("edge.cli._deploy_hosts:releases", "list the releases that devices keep"),
    "rollback": ("edge.cli._deploy_hosts:rollback", "go back to the release before the one in use"),
    "logs": ("edge.cli._deploy_hosts:logs", "show the last lines of the services"),
    "trust": ("edge.cli._deploy_trust", "set which keys devices trust, and whether only signed bundles run"),
    "wheelhouse": ("edge.cli._deploy_wheelhouse", "gather all wheels of the runtime, for devices without a network"),
    "keygen": ("edge.cli._deploy_keys:keygen", "make a pair of keys to sign bundles with"),
    "sign": ("edge.cli._deploy_keys:sign", "sign a bundle with a version that devices compare"),
    "web": ("edge.cli._deploy_web", "make a phone's web app of a bundle, and serve it"),
}
"""The module of each subcommand, with the name of its function when that is not ``main``, and its summary."""

WIDTH = max(map(len, COMMANDS))
HELP = """\
usage: edge-deploy BUNDLE --to USER@HOST [options]
       edge-deploy COMMAND …

Puts a bundle on devices over SSH, each with a supervised service, or makes a phone's web app of it. A device runs the
old or the new version, verified: a version that fails its health check is rolled back.

commands:
""" + "".join(f"  {name:<{WIDTH}}  {summary}\n" for name, (_, summary) in COMMANDS.items()) + """
examples:
  edge-deploy net.edge --to pi@raspberrypi.local --source 0     put a bundle on a device, and run it on its camera
  edge-deploy status --to pi@raspberrypi.local                  show what runs there
  edge-deploy web net.edge --out app                            make a web app for phones

edge-deploy COMMAND --help has the options and examples of each, edge-deploy push --help of the first."""  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-deploy`` and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["--help"], ["-h"]):
        print(HELP)
        return _main.DONE
    if not arguments:
        print("edge-deploy: error: expected a bundle or a command; see edge-deploy --help", file=sys.stderr)
        return _main.USAGE
    if _is_mistyped(arguments[0]):
        print(f"edge-deploy: {_hint(arguments[0])}", file=sys.stderr)
        return _main.USAGE
    name = arguments.pop(0) if arguments[0] in COMMANDS else "push"
    module, _, function = COMMANDS[name][0].partition(":")
    code: int = getattr(import_module(module), function or "main")(arguments)
    return code


def _is_mistyped(word: str) -> bool:
    """Return whether the first argument is no command, no option, and nothing that a bundle's path looks like."""
    return word not in COMMANDS and word.replace("-", "").isalpha() and word[0] != "-" and not Path(word).exists()


def _hint(word: str) -> str:
    from edge.errors import unknown_name  # only an error needs it

    return f"{unknown_name('command', word, COMMANDS)}; no bundle of that name exists either"


if __name__ == "__main__":
    raise SystemExit(main())

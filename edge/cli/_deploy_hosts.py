"""edge-deploy status, list, rollback and logs: what devices run, what they keep, and the way back."""

import argparse
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from edge.cli import _deploy_options, _main
from edge.errors import FileError

if TYPE_CHECKING:
    from edge.deploy.push.connection import Connection
    from edge.deploy.push.host import Host
    from edge.deploy.push.probe import Facts

Ask = Callable[["Connection", "Facts"], Awaitable[dict[str, Any]]]


def status(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-deploy status`` and return the exit code: 1 when a device runs nothing, or something damaged."""
    parser = _parser("status", "Shows what devices run, verified: every digest of the release in use is compared.")
    return _main.run(parser, lambda arguments: _asked(arguments, "status", _status_line, _is_well), argv)


def releases(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-deploy list`` and return the exit code."""
    parser = _parser("list", "Lists the releases that devices keep; the last one that ran comes last.")
    return _main.run(parser, lambda arguments: _asked(arguments, "list", _list_lines, lambda _: True), argv)


def rollback(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-deploy rollback`` and return the exit code."""
    parser = _parser("rollback", "Goes back to the release before the one in use, when that passes its health check.")
    parser.add_argument("--release", metavar="NAME", help="a release of edge-deploy list (default: the one before)")

    def body(arguments: argparse.Namespace) -> int:
        options = ["--release", arguments.release] if arguments.release else []
        return _asked(arguments, "rollback", _rollback_line, lambda _: True, options)

    return _main.run(parser, body, argv)


def logs(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-deploy logs`` and return the exit code."""
    parser = _parser("logs", "Shows the last lines that the services wrote, from the journal of each device.")
    parser.add_argument(
        "--lines",
        type=_deploy_options.count,
        default=50,
        metavar="N",
        help="how many lines of each device (default 50)",
    )
    return _main.run(parser, _logs, argv)


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"edge-deploy {name}",
        description=description,
        epilog=_examples(name),
        formatter_class=_main.Formatter,
    )
    _deploy_options.add_hosts(parser)
    return parser


def _examples(name: str) -> str:
    own = {"rollback": " --release 8e24424b5bede7b3", "logs": " --lines 20"}.get(name, " --json result.json")
    given = f"  edge-deploy {name} --to pi@raspberrypi.local"
    return f"examples:\n{given}\n{given}{own}\n  edge-deploy {name} --inventory fleet.toml --only kitchen"


def _asked(
    arguments: argparse.Namespace,
    command: str,
    show: Callable[[dict[str, Any]], str],
    is_well: Callable[[dict[str, Any]], bool],
    options: Sequence[str] = (),
) -> int:
    """Call the agents with one command, and print what each answers."""
    from edge.deploy.push import transfer

    async def ask(connection: "Connection", facts: "Facts") -> dict[str, Any]:
        return await transfer.call(connection, facts, command, options=options)

    outcomes = _deploy_options.on_all(_deploy_options.hosts(arguments), _one(ask), arguments.parallel)
    for outcome in outcomes:
        if outcome.answer is not None:
            print(show({"host": outcome.host, **outcome.answer}))
    code = _deploy_options.told(arguments.json, outcomes)
    unwell = any(outcome.answer is not None and not is_well(outcome.answer) for outcome in outcomes)
    return code or (_main.FAILED if unwell else _main.DONE)


def _one(ask: Ask) -> Callable[["Host"], Awaitable[dict[str, Any]]]:
    from edge.deploy.push.connection import connected
    from edge.deploy.push.probe import probe

    async def one(host: "Host") -> dict[str, Any]:
        async with connected(host) as connection:
            return await ask(connection, await probe(connection, installs=False))

    return one


def _logs(arguments: argparse.Namespace) -> int:
    async def ask(connection: "Connection", facts: "Facts") -> dict[str, Any]:
        unit = f"edgekit-{connection.host.app}.service"
        wanted = ["journalctl", "-u", unit, "-n", str(arguments.lines), "--no-pager", "-o", "short-iso"]
        done = await connection.run([*facts.prefix, *wanted])
        if done.code:
            raise FileError(f"{connection.host.name}: the journal cannot be read: {done.said}")
        return {"lines": done.out.splitlines()}

    found = _deploy_options.hosts(arguments)
    outcomes = _deploy_options.on_all(found, _one(ask), arguments.parallel)
    for outcome in outcomes:
        for line in (outcome.answer or {}).get("lines", ()):
            print(f"{outcome.host}: {line}" if len(found) > 1 else line)
    return _deploy_options.told(arguments.json, outcomes)


def _is_well(answer: dict[str, Any]) -> bool:
    return bool(answer["verified"]) and answer["service"] in ("active", "none")


def _status_line(answer: dict[str, Any]) -> str:
    if answer["release"] is None:
        return f"{answer['host']}: nothing is deployed"
    version = f" version {answer['version']}" if answer["version"] is not None else ""
    whole = "verified" if answer["verified"] else f"NOT VERIFIED: {answer['why']}"
    service = "no service" if answer["service"] == "none" else f"service {answer['service']}"
    again = f", started again {answer['restarts']} time(s)" if answer["restarts"] else ""
    return (
        f"{answer['host']}: {answer['bundle']}{version}, release {answer['release']} of {_day(answer['deployed'])}, "
        f"{whole}, {service}{again}, runtime {answer['runtime']}"
    )


def _list_lines(answer: dict[str, Any]) -> str:
    lines = [f"{answer['host']}:"] if answer["releases"] else [f"{answer['host']}: no releases"]
    for row in answer["releases"]:
        mark = "*" if row["current"] else " "
        version = f"version {row['version']}" if row["version"] is not None else "unsigned"
        took = f"{row['median_ms']:g} ms" if row["median_ms"] is not None else ""
        ran = "" if row["confirmed"] else "never ran"
        lines.append(
            f"  {mark} {row['release']}  {_day(row['deployed'])}  {row['bundle']}  {version}  {took} {ran}".rstrip()
        )
    return "\n".join(lines)


def _rollback_line(answer: dict[str, Any]) -> str:
    now = f"{answer['host']}: {answer['bundle']}, release {answer['release']}, is in use again"
    return f"{now} in place of {answer['previous']}"


def _day(seconds: float | None) -> str:
    return "an unknown time" if not seconds else time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))

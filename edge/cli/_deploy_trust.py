"""edge-deploy trust: set which keys devices trust, and whether they run signed bundles only."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli import _deploy_options, _main
from edge.errors import FileError, InputError

if TYPE_CHECKING:
    from edge.deploy.push.host import Host

EPILOG = """\
examples:
  edge-deploy trust --to pi@raspberrypi.local                              shows the keys, and changes nothing
  edge-deploy trust fleet.pub --to pi@raspberrypi.local                    a key more
  edge-deploy trust fleet.pub --signed-only --inventory fleet.toml         and nothing else runs from now on
  edge-deploy trust --remove 0123456789abcdef --to pi@raspberrypi.local    a key less

A device refuses a change after which what it runs would no longer start."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-deploy trust`` and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="edge-deploy trust", description=__doc__, epilog=EPILOG, formatter_class=_main.Formatter
    )
    parser.add_argument("keys", nargs="*", type=Path, metavar="KEY.pub", help="public keys to trust")
    parser.add_argument("--remove", action="append", default=[], metavar="ID", help="the id of a key to trust no more")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--signed-only",
        dest="signed_only",
        action="store_true",
        default=None,
        help="refuse bundles that no trusted key signed, and bare model files",
    )
    mode.add_argument("--unsigned", dest="signed_only", action="store_false", help="accept unsigned bundles again")
    _deploy_options.add_hosts(parser)
    return _main.run(parser, _trust, argv)


def _trust(arguments: argparse.Namespace) -> int:
    from edge.deploy.push import transfer
    from edge.deploy.push.connection import connected
    from edge.deploy.push.probe import probe

    content = {
        "keys": [_read(path) for path in arguments.keys],
        "remove": arguments.remove,
        "signed_only": arguments.signed_only,
    }

    async def one(host: "Host") -> dict[str, Any]:
        async with connected(host) as connection:
            answer = await transfer.call(
                connection, await probe(connection, installs=False), "trust", transfer.line(content)
            )
        only = "runs signed bundles only" if answer["signed_only"] else "runs unsigned bundles too"
        print(f"{host.name}: trusts {', '.join(answer['keys']) or 'no key'}, {only}")
        return answer

    outcomes = _deploy_options.on_all(_deploy_options.hosts(arguments), one, arguments.parallel)
    return _deploy_options.told(arguments.json, outcomes)


def _read(path: Path) -> str:
    """Return a public key's text. Raises FileError or InputError when it is none."""
    from edge import signing

    try:
        text = path.read_bytes()[:10_000].decode("ascii")
        signing.public_key(text)
    except OSError as error:
        raise FileError(f"key {path} cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, InputError) as error:
        raise InputError(f"{path} must be a public key that edge-deploy keygen wrote (NAME.pub), it is not") from error
    return text

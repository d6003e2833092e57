"""The stub of libedgetpu, compiled by the tests that need it. See stub.c for what it does."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from edge.backends import _libedgetpu

SOURCE = Path(__file__).with_name("stub.c")


@cache
def _compiled(folder: Path, *options: str) -> Path:
    out = folder / f"libstub{''.join(options)}.so"
    command = ["cc", "-shared", "-fPIC", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", *options]
    subprocess.run([*command, "-o", str(out), str(SOURCE)], check=True, timeout=60)
    return out


def stub(factory: pytest.TempPathFactory, *options: str) -> Path:
    """Return the compiled stub. Skips the test where there is no C compiler or no LiteRT."""
    pytest.importorskip("ai_edge_litert")
    if shutil.which("cc") is None:
        pytest.skip("the stub of libedgetpu needs a C compiler (cc)")
    return _compiled(factory.getbasetemp(), *options)


def use(monkeypatch: pytest.MonkeyPatch, library: Path, mode: str = "") -> None:
    """Let the edgetpu backend take ``library`` and the stub behave as ``mode`` says."""
    monkeypatch.setenv(_libedgetpu.VARIABLE, str(library))
    monkeypatch.setenv("STUB_MODE", mode)

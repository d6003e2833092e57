"""What every command shares."""

import argparse
import json
import math

import pytest

from edge.cli import _main
from edge.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"), [("0", (0.0,)), ("127.5", (127.5,)), ("1,2.5,-3", (1.0, 2.5, -3.0)), (" 1, 2, 3", (1, 2, 3))]
)
def test_numbers(text, expected):
    assert _main.numbers(text) == expected


@pytest.mark.parametrize("text", ["", "a", "1,2", "1,2,3,4", "1,,3", "nan", "1,inf,3", "-inf", "1e999"])
def test_other_numbers_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected one number or three separated by commas, got"):
        _main.numbers(text)


def test_written_json_is_json(tmp_path):
    content = {"loss": math.nan, "rows": [{"snr": math.inf}, (1.5, -math.inf)], "name": "NaN", "none": None}
    _main.write_json(tmp_path / "out.json", content)
    read = json.loads((tmp_path / "out.json").read_text(), parse_constant=pytest.fail)
    assert read == {"loss": None, "rows": [{"snr": None}, [1.5, None]], "name": "NaN", "none": None}


def test_bad_usage_is_one_line(capsys):
    parser = argparse.ArgumentParser(prog="edge-x")
    parser.add_argument("--count", type=int)
    with pytest.raises(SystemExit) as stop:
        _main.run(parser, lambda _: None, ["--count", "many"])
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "edge-x: error: argument --count: invalid int value: 'many'; see edge-x --help\n"
    )


def test_an_error_that_names_a_strange_file_is_one_line(capsys):
    def body(_):
        raise InputError("no picture: a\nb\x1b[31m\udce9")

    assert _main.run(argparse.ArgumentParser(prog="edge-x"), body, []) == 2
    assert capsys.readouterr().err == "edge-x: no picture: a\\x0ab\\x1b[31m\\udce9\n"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        pytest.param(
            ImportError("Advice.\n\nlibx.so: no such file"),
            2,
            "a package cannot be imported: libx.so: no such file;",
            id="file",
        ),
        pytest.param(
            ImportError("cannot import name 'x'", name="edge.session"),
            3,
            "unexpected ImportError: cannot import",
            id="ours",
        ),
    ],
)
def test_a_broken_package_is_no_fault_of_the_program(capsys, error, code, words):
    def body(_):
        raise error

    assert _main.run(argparse.ArgumentParser(prog="edge-x"), body, []) == code
    assert capsys.readouterr().err.startswith(f"edge-x: {words}")


def test_an_error_that_ctrl_c_caused_is_an_interruption(capsys):
    """A zip that was being written cannot be closed after Ctrl-C, and says so instead."""

    def body(_):
        try:
            raise KeyboardInterrupt
        finally:
            raise ValueError("Can't close the ZIP file")

    assert _main.run(argparse.ArgumentParser("edge-x"), body, []) == _main.INTERRUPTED
    assert capsys.readouterr().err == "edge-x: interrupted\n"

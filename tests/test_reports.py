import pytest

from edge.reports import to_stderr


def test_a_report_is_one_line_on_the_stderr_of_the_moment(capsys):
    to_stderr("camera 0: no frame for 10 s; opening it again")
    assert capsys.readouterr() == ("", "camera 0: no frame for 10 s; opening it again\n")


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        pytest.param("\x1b]0;title\x07\x1b[2J gone", "\\x1b]0;title\\x07\\x1b[2J gone", id="commands to a terminal"),
        pytest.param("red\r\nforged: ok", "red\\x0d\\x0aforged: ok", id="a second line"),
        pytest.param("caf\udce9 \ud800", "caf\\udce9 \\ud800", id="half characters"),
        pytest.param("caf\u00e9 \u732b", "caf\u00e9 \u732b", id="letters stay"),
    ],
)
def test_what_comes_from_outside_is_printable(capsys, line, printed):
    to_stderr(line)
    assert capsys.readouterr().err == f"{printed}\n"

"""What a library prints to stderr: hidden when it is noise, and there when it is the reason of a death."""

import os
import signal
import subprocess
import sys

import pytest

from edge.quiet import anything, info, quiet


def test_quiet_drops_information_and_keeps_the_rest(capfd):
    with quiet(info):
        os.write(2, b"INFO: a delegate was made\nERROR: something is wrong\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "ERROR: something is wrong\nafter\n"


def test_quiet_drops_what_cpuinfo_says_where_there_is_no_sys(capfd):
    """Lines of LiteRT 2.3 and ONNX Runtime 1.31 in a Debian arm64 root without /sys."""
    with quiet(info):
        os.write(2, b"Error in cpuinfo: failed to parse both lists of possible and present processors\n")
        os.write(2, b"onnxruntime cpuid_info warning: Unknown CPU vendor. cpuinfo_vendor value: 0\n")
        os.write(2, b"Error in the network\n")
    assert capfd.readouterr().err == "Error in the network\n"


def test_quiet_restores_stderr_after_an_error(capfd):
    with pytest.raises(KeyError), quiet(info):
        raise KeyError
    os.write(2, b"still here\n")
    assert capfd.readouterr().err == "still here\n"


def test_quiet_leaves_everything_when_debugging(capfd, monkeypatch):
    monkeypatch.setenv("EDGE_DEBUG", "1")
    with quiet(info):
        os.write(2, b"INFO: a delegate was made\n")
    assert capfd.readouterr().err == "INFO: a delegate was made\n"


def test_nothing_is_left_when_everything_is_noise(capfd):
    with quiet(anything), quiet(info):
        os.write(2, b"INFO: a delegate was made\nWARNING: a register is spilled\n")
    assert capfd.readouterr().err == ""


def test_without_a_shell_it_is_as_quiet(capfd, monkeypatch):
    def refuse(*_, **__):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with quiet(info, last_words=True):
        os.write(2, b"INFO: a delegate was made\nERROR: something is wrong\n")
    assert capfd.readouterr().err == "ERROR: something is wrong\n"


def test_no_process_is_started_unless_last_words_are_asked_for(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with quiet(info):
        pass
    with pytest.raises(AssertionError, match="a process was started"), quiet(info, last_words=True):
        pass


def test_a_closed_stderr_is_left_closed():
    code = "import os; os.close(2); from edge.quiet import *\nwith quiet(anything): pass\nprint('done')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"done\n"


@pytest.mark.parametrize(
    ("body", "end"),
    [
        pytest.param("with quiet(anything, True):", "os.abort()", id="a failed check"),
        pytest.param("with quiet(info, True):", "os.abort()", id="with other noise"),
        pytest.param("with quiet(anything, True), quiet(info, True):", "os.abort()", id="in a body inside another"),
        pytest.param("with quiet(anything, True):", "os.kill(os.getpid(), 9)", id="killed"),
        pytest.param("with quiet(anything, True):", "os._exit(3)", id="an exit that cleans nothing up"),
    ],
)
def test_the_last_words_of_a_process_that_dies_are_not_lost(body, end):
    code = f"import os; from edge.quiet import *\n{body}\n  os.write(2, b'F0000 boom\\n'); {end}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.returncode in (-signal.SIGABRT, -signal.SIGKILL, 3)
    assert b"F0000 boom\n" in done.stderr


def test_many_last_words_arrive_whole():
    code = (
        "import os; from edge.quiet import *\nwith quiet(anything, True):\n"
        "  os.write(2, b'Check failed: x\\n' * 20000); os.abort()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.stderr.count(b"Check failed: x\n") == 20000

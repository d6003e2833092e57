"""Models in worker processes: real processes that are killed, hang, and are left behind."""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from edge import backends
from edge.backends.base import OpenOptions
from edge.backoff import Backoff
from edge.errors import BrokenOutput, DeviceError, FileError, InputError
from edge.isolated import Isolated, IsolationOptions
from edge.opening import open_session
from edge.pipeline import Loop
from edge.session_options import SessionOptions
from edge.shared_arrays import SharedArrays, anonymous_file, padded_size
from tests import plugins
from tests.backends import models
from tests.edgetpu import library
from tests.faulty_backend import EXIT, GROW, HANG, KILL, REFUSE, SEGFAULT, UNPLUG
from tests.loops import ListSink, ListSource, frame

QUICK = IsolationOptions(hang_seconds=0.3, wait_seconds=20.0, backoff=Backoff(0.05, 0.2))


def values(first=0.0):
    return [np.array([[first, 1, 2, 3]], np.float32)]


@pytest.fixture
def faulty(tmp_path, monkeypatch):
    """Return what opens a faulty model in workers, and the lines that were reported."""
    plugins.install(tmp_path / "site", monkeypatch, "edge.backends", {"faulty": "tests.faulty_backend:Faulty"})
    opened, lines = [], []

    def make(options=QUICK, **content):
        path = tmp_path / "x.faulty"
        path.write_text(json.dumps({"open": "fine", **content}))
        opened.append(Isolated(backends.backend("faulty"), options, lines.append).open(path, OpenOptions(1)))
        return opened[-1]

    make.lines = lines
    yield make
    for model in opened:
        model.close()
    assert not workers()


def workers(parent=None):
    """Return the worker processes of a process, zombies too."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == (parent or os.getpid()):
            found.append(int(path.parent.name))
    return found


def gone(pid, seconds=10.0):
    """Wait until a process has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # nobody reaps it in a container without an init
            return True
        time.sleep(0.01)
    return False


def test_it_computes_what_the_backend_computes(tmp_path):
    path = models.fake(tmp_path / "x.fake")
    image = [np.random.default_rng(0).integers(0, 256, models.IMAGE, np.uint8)]
    with backends.open_model(path) as plain, Isolated(backends.for_file(path)).open(path) as model:
        assert (model.inputs, model.outputs) == (plain.inputs, plain.outputs)
        np.testing.assert_array_equal(model.run(image)[0], plain.run(image)[0])


def test_quantized_tensors_and_a_real_runtime(tmp_path):
    path = models.tflite_conv(tmp_path / "q.tflite", int8=True)
    image = [np.random.default_rng(0).integers(-128, 128, models.IMAGE, np.int8)]
    backend = Isolated(backends.for_file(path))
    with backends.open_model(path) as plain, backend.open(path) as model:
        assert (model.inputs, model.outputs, backend.name) == (plain.inputs, plain.outputs, "litert")
        np.testing.assert_array_equal(model.run(image)[0], plain.run(image)[0])


def test_outputs_are_new_arrays_and_inputs_are_checked(faulty):
    model = faulty()
    first = model.run(values(9))
    kept = [array.copy() for array in first]
    model.run(values(10))
    for array, copy in zip(first, kept, strict=True):
        np.testing.assert_array_equal(array, copy)
    with pytest.raises(InputError, match=r"^tensor 'x' must be"):
        model.run([np.zeros((1, 5), np.float32)])


def test_an_output_may_grow(faulty):
    model = faulty()
    total, rows = model.run(values(GROW))
    assert (total[0], rows.shape) == (GROW + 6, (100_000, 4))
    np.testing.assert_array_equal(rows[-1], [2 * GROW, 2, 4, 6])
    assert model.run(values(9))[1].shape == (1, 4)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        pytest.param(KILL, r"was killed by signal 9 \(KILL, perhaps for lack of memory\)", id="killed"),
        pytest.param(SEGFAULT, r"was killed by signal 11 \(SEGV\)", id="segmentation fault"),
        pytest.param(EXIT, "ended with exit code 7", id="exit"),
        pytest.param(HANG, r"did not answer in 0\.3 s", id="hangs with the lock held"),
    ],
)
def test_a_lost_worker_costs_one_run(faulty, what, reason):
    model = faulty()
    assert model.ready(20)
    lost = model.pid
    with pytest.raises(BrokenOutput, match=rf"no result: the worker process {reason}; another one goes on"):
        model.run(values(what))
    noticed = time.monotonic()
    assert model.run(values(9))[0][0] == 15
    assert time.monotonic() - noticed < 1
    assert (model.restarts, len(faulty.lines)) == (1, 1)
    assert model.ready(20)  # a new spare
    assert gone(lost)
    assert len(workers()) == 2


def test_a_worker_that_dies_between_two_runs(faulty):
    model = faulty()
    assert model.ready(20)
    os.kill(model.pid, signal.SIGKILL)
    assert gone(model.pid)
    with pytest.raises(BrokenOutput, match="was killed by signal 9"):
        model.run(values())
    assert model.run(values(9))[0][0] == 15


def test_a_spare_that_dies_unnoticed_costs_another_run(faulty):
    model = faulty()
    assert model.ready(20)
    (spare,) = [pid for pid in workers() if pid != model.pid]
    os.kill(spare, signal.SIGKILL)
    assert gone(spare)
    for _ in range(2):
        with pytest.raises(BrokenOutput):
            model.run(values(KILL))
    assert model.run(values(9))[0][0] == 15


@pytest.mark.parametrize(("what", "error"), [(REFUSE, BrokenOutput), (UNPLUG, DeviceError)])
def test_an_error_of_the_runtime_is_raised_and_the_worker_goes_on(faulty, what, error):
    model = faulty()
    before = model.pid
    with pytest.raises(error, match=r"NaN|the stick is gone"):
        model.run(values(what))
    assert model.run(values(9))[0][0] == 15
    assert (model.pid, model.restarts) == (before, 0)


def test_a_worker_that_dies_again_and_again_backs_off_and_says_why_once(faulty, tmp_path):
    options = IsolationOptions(hang_seconds=0.3, wait_seconds=0.05, backoff=Backoff(0.1, 0.4))
    model = faulty(options, open="die", once=True)
    opened = tmp_path / "x.opened"
    os.kill(model.pid, signal.SIGKILL)
    began = time.monotonic()
    while len(opened.read_text()) < 4 and time.monotonic() < began + 30:
        with pytest.raises(BrokenOutput):
            model.run(values())
    assert time.monotonic() - began >= 0.1 + 0.2  # the waits before the second and the third start
    assert [line.partition("; ")[0] for line in faulty.lines].count(faulty.lines[-1].partition("; ")[0]) == 1
    assert any("cannot be started again: was killed by signal 9" in line for line in faulty.lines)


def test_without_a_spare_the_next_run_waits_for_a_worker(faulty):
    model = faulty(IsolationOptions(wait_seconds=20, spare=False))
    assert len(workers()) == 1
    with pytest.raises(BrokenOutput, match="signal 9"):
        model.run(values(KILL))
    assert model.run(values(9))[0][0] == 15


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ({"open": "refuse"}, InputError, "is refused"),
        ({"open": "die"}, DeviceError, "cannot be opened in a worker process: it was killed by signal 9"),
    ],
)
def test_a_file_that_cannot_be_opened(faulty, content, error, words):
    with pytest.raises(error, match=words):
        faulty(**content)


def test_a_missing_file_starts_no_worker(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        Isolated(backends.backend("fake")).open(tmp_path / "none.fake")


def test_a_hang_is_ten_times_the_median_or_a_second(faulty):
    model = faulty(IsolationOptions(hang_seconds=0.2), delay=0.1)
    for _ in range(3):
        model.run(values(9))
    assert 1.0 <= model.limit <= 1.5
    assert IsolationOptions().hang_seconds == 1.0


def test_an_accelerator_gets_no_spare_because_one_process_can_open_it(tmp_path, tmp_path_factory, monkeypatch):
    library.use(monkeypatch, library.stub(tmp_path_factory))
    image = np.random.default_rng(0).integers(-128, 128, models.IMAGE, np.int8)
    path = models.tflite_not(tmp_path / "n_edgetpu.tflite")
    with Isolated(backends.for_file(path), QUICK).open(path) as model:
        assert len(workers()) == 1
        np.testing.assert_array_equal(model.run([image])[0], ~image)
        os.kill(model.pid, signal.SIGKILL)
        with pytest.raises(BrokenOutput):
            model.run([image])
        np.testing.assert_array_equal(model.run([image])[0], ~image)
    assert not workers()


def test_lost_workers_leave_no_descriptor_and_no_thread(faulty):
    model = faulty()
    assert model.ready(20)
    before = _open_things()
    for _ in range(3):
        with pytest.raises(BrokenOutput):
            model.run(values(EXIT))
        for _ in range(12):
            model.run(values(9))
        assert model.ready(20)
    gc.collect()  # errors hold the frames that they come from
    deadline = time.monotonic() + 20  # threads of other tests may still end, and a new spare's thread does
    while time.monotonic() < deadline and any(now > then for now, then in zip(_open_things(), before, strict=True)):
        time.sleep(0.05)
    assert all(now <= then for now, then in zip(_open_things(), before, strict=True))


def _open_things():
    """Return the numbers of descriptors and threads."""
    return len(os.listdir("/proc/self/fd")), threading.active_count()


def test_a_closed_model_says_so(faulty):
    model = faulty()
    model.close()
    model.close()
    with pytest.raises(InputError, match="closed"):
        model.run(values())


PARENT = """
import sys, time
from pathlib import Path
from edge import backends
from edge.isolated import Isolated
model = Isolated(backends.backend("faulty")).open(Path(sys.argv[1]))
model.ready()
print("ready", flush=True)
import numpy as np
model.run([np.full((1, 4), float(sys.argv[2]), np.float32)])
time.sleep(60)
"""


@pytest.mark.parametrize("state", [pytest.param(9, id="idle"), pytest.param(HANG, id="in a run that hangs")])
def test_workers_end_when_their_parent_is_killed(tmp_path, monkeypatch, state):
    plugins.install(tmp_path / "site", monkeypatch, "edge.backends", {"faulty": "tests.faulty_backend:Faulty"})
    (tmp_path / "x.faulty").write_text('{"open": "fine"}')
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", PARENT, str(tmp_path / "x.faulty"), str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout.readline() == b"ready\n"
        children = workers(parent.pid)
        assert len(children) == 2
        parent.kill()
    assert all(gone(pid) for pid in children)


def test_a_loop_goes_on_with_one_fault(tmp_path):
    path = models.fake(tmp_path / "x.fake", inputs=(("image", (1, 8, 8, 3), "uint8"),))
    with open_session(path, SessionOptions(isolate=True)) as session:
        assert session.model.ready(20)
        killed = []

        def kill(result):
            if result.frame == 5:
                killed.append(session.model.pid)
                os.kill(session.model.pid, signal.SIGKILL)
                gone(session.model.pid)

        sink = ListSink(kill)
        Loop(ListSource([frame(number) for number in range(40)], before=lambda one: time.sleep(0.01)), session).run(
            [sink]
        )
    faults = [result.fault for result in sink.results if result.fault]
    assert len(faults) == len(killed) == 1
    assert "the worker process was killed by signal 9" in faults[0]
    assert len(sink.results) == 40


def test_shared_arrays_are_one_memory():
    descriptor = anonymous_file()
    try:
        kinds = [((2, 3), "<f4"), ((5,), "|i1"), ((0,), "<f8"), ((), "<i8")]
        ours, theirs = (SharedArrays(descriptor).arrays(kinds, 64) for _ in range(2))
        for place, array in enumerate(ours):
            array[...] = place + 1
        for place, array in enumerate(theirs):
            assert (array == place + 1).all()
        assert [array.shape for array in theirs] == [kind[0] for kind in kinds]
        assert padded_size(kinds) == 64 + 64 + 0 + 64
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("values", [{"hang_seconds": 0}, {"hang_factor": -1}, {"wait_seconds": 0}])
def test_options_are_checked(values):
    with pytest.raises(InputError, match="must be more than 0"):
        IsolationOptions(**values)

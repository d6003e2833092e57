"""Which frames the pace lets through: every n-th, a highest rate, and less of them while it is hot."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import InputError
from edge.frames import Frame
from edge.stages.pace import SECONDS_PER_LOOK, Governor, Pace, PaceOptions
from edge.thermal import Reading

PIXELS = np.zeros((8, 8), np.uint8)


def frame_at(seconds, index):
    return Frame(PIXELS, "GRAY", index, round(seconds * 1e9), "arrival", "cam", position=seconds)


def passed(gate, times, indices=None):
    indices = range(len(times)) if indices is None else indices
    rows = zip(times, indices, strict=True)
    return [t for t, i in rows if gate(frame_at(t, i))]


def at(fps, seconds, jitter=0.0):
    rng = np.random.default_rng(0)
    return [i / fps + rng.uniform(0, jitter / fps) for i in range(round(seconds * fps))]


def test_every_nth_frame():
    gate = Pace(PaceOptions(stride=3))
    assert passed(gate, [i / 10 for i in range(10)]) == [0, 0.3, 0.6, 0.9]


def test_the_stride_counts_the_source_s_frames_and_not_those_that_arrive():
    gate = Pace(PaceOptions(stride=4))
    indices = [0, 2, 5, 6, 9, 20, 21, 24]
    assert passed(gate, indices, indices) == [0, 5, 9, 20, 24]
    assert passed(gate, [25.0], [0]) == [25]  # the source was opened again


@pytest.mark.parametrize("fps", [15.0, 25.0, 30.0, 60.0])
@pytest.mark.parametrize("rate", [2.0, 7.0, 10.0, 20.0])
@pytest.mark.parametrize("jitter", [0.0, 0.4])
def test_the_rate_is_kept_and_even(fps, rate, jitter):
    times = passed(Pace(PaceOptions(max_rate=rate)), at(fps, 20, jitter))
    expected = min(rate, fps) * 20
    assert 0.93 * expected <= len(times) <= expected + 1
    gaps = np.diff(times)
    assert gaps.max() <= 1 / min(rate, fps) + 1.5 / fps
    if rate <= fps / 2:
        assert gaps.min() >= 0.9 / rate - (1 + jitter) / fps


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0.5, 50))
def test_no_schedule_exceeds_the_rate(gaps, rate):
    times = np.cumsum(gaps).tolist()
    found = passed(Pace(PaceOptions(max_rate=rate)), times)
    if found:
        assert len(found) <= (found[-1] - found[0]) * rate + 1.2


def test_without_limits_every_frame_is_passed():
    assert len(passed(Pace(PaceOptions()), at(30, 2))) == 60


class Machine:
    """A machine whose temperature a test sets; its clock is that of the frames."""

    def __init__(self, celsius=40.0, bits=None):
        self.celsius, self.bits, self.seconds = celsius, bits, 0.0

    def read(self):
        return Reading(self.celsius, self.bits)

    def run(self, gate, seconds, fps=20.0):
        """Return the frames per second that were passed in ``seconds``."""
        count = 0
        for _ in range(round(seconds * fps)):
            self.seconds += 1 / fps
            frame = frame_at(self.seconds, round(self.seconds * fps))
            count += gate(frame)
        return count / seconds


def paced(machine, **options):
    chosen = PaceOptions(soft_limit=70.0, **options)
    return Pace(chosen, Governor(chosen, machine.read, lambda: machine.seconds))


def test_the_rate_falls_step_by_step_and_recovers_with_hysteresis():
    machine = Machine()
    gate = paced(machine, max_rate=10.0, min_rate=2.0)
    assert machine.run(gate, 30) == pytest.approx(10, rel=0.05)
    machine.celsius = 72
    hot = [machine.run(gate, SECONDS_PER_LOOK) for _ in range(4)]
    assert hot == sorted(hot, reverse=True)
    assert 2.5 < hot[-1] < 5
    machine.celsius = 67  # below the limit, not below the hysteresis
    held = machine.run(gate, 30)
    assert held == pytest.approx(10 * 0.75**4, rel=0.15)
    machine.celsius = 60
    rising = [machine.run(gate, SECONDS_PER_LOOK) for _ in range(14)]
    assert rising[0] < rising[4] < rising[-1]
    assert rising[-1] == pytest.approx(10, rel=0.05)


def test_the_rate_never_falls_below_the_minimum():
    machine = Machine(95)
    gate = paced(machine, max_rate=10.0, min_rate=2.0)
    machine.run(gate, 120)
    assert machine.run(gate, 60) == pytest.approx(2, rel=0.1)


def test_without_a_highest_rate_the_source_s_rate_is_reduced():
    machine = Machine()
    gate = paced(machine, min_rate=3.0)
    assert machine.run(gate, 20) == pytest.approx(20, rel=0.02)
    machine.celsius = 90
    machine.run(gate, 120)
    assert machine.run(gate, 60) == pytest.approx(3, rel=0.1)
    machine.celsius = 50
    machine.run(gate, 120)
    assert machine.run(gate, 20) == pytest.approx(20, rel=0.02)


def test_a_firmware_that_slows_down_counts_as_hot():
    machine = Machine(None, bits=0b100)
    gate = paced(machine, max_rate=10.0)
    machine.run(gate, 120)
    assert machine.run(gate, 60) == pytest.approx(1, rel=0.1)
    machine.bits = 0x50000  # it was, and is no more
    machine.run(gate, 120)
    assert machine.run(gate, 20) == pytest.approx(10, rel=0.05)


def test_a_machine_without_readings_runs_at_the_full_rate():
    machine = Machine(None)
    assert machine.run(paced(machine, max_rate=10.0), 30) == pytest.approx(10, rel=0.05)


def test_the_temperature_is_not_read_unless_it_is_asked_for():
    options = PaceOptions(max_rate=5.0)
    gate = Pace(options, Governor(options, lambda: pytest.fail("read")))
    assert passed(gate, at(30, 2))


@pytest.mark.parametrize(
    "options",
    [{"stride": 0}, {"max_rate": -1}, {"soft_limit": 200}, {"hysteresis": -1}, {"min_rate": 0}],
)
def test_options_are_checked(options):
    with pytest.raises(InputError, match=f"{next(iter(options))} must be"):
        PaceOptions(**options)

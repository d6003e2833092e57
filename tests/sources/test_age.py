"""Ages by the sender's clock and by time stamps, against times that the test made up."""

import pytest

from edge.sources.age import WINDOW_SECONDS, StampAge, by_sender


@pytest.mark.parametrize(
    ("sent", "age"),
    [
        (1000.0, 0.0),
        (999.9, 0.1),
        (1000.03, 0.0),  # a clock that is ahead by as little as NTP allows
        (1000.06, None),
        (990.5, 9.5),
        (989.0, None),
        (0.0, None),  # a camera that began in 1970
        (-2208988800.0, None),  # or in 1900
    ],
)
def test_only_a_likely_clock_of_the_sender_is_believed(sent, age):
    assert by_sender(sent, 1000.0) == (None if age is None else pytest.approx(age))


def test_a_picture_is_as_old_as_it_is_later_than_the_fastest():
    age = StampAge()
    delays = [0.30, 0.12, 0.10, 0.15, 0.10, 0.40]
    ages = [age(number / 30, 5000.0 + number / 30 + delay) for number, delay in enumerate(delays)]
    assert ages == pytest.approx([0.0, 0.0, 0.0, 0.05, 0.0, 0.30], abs=1e-9)


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_jump_of_the_time_stamps_begins_a_new_count(jump):
    age = StampAge()
    age(0.0, 100.0)
    assert age(1.0 + jump, 101.0) == 0.0
    assert age(2.0 + jump, 102.02) == pytest.approx(0.02)


@pytest.mark.parametrize("drift", [1e-4, -1e-4])
def test_two_clocks_that_drift_stay_within_what_they_drift_in_the_window(drift):
    age, most = StampAge(), 0.0
    for second in range(20_000):
        most = max(most, age(second * (1 + drift), float(second)))
    assert 0 <= most <= abs(drift) * WINDOW_SECONDS * 1.1


def test_the_memory_is_bounded_by_the_window():
    age = StampAge()
    for number in range(100_000):
        age(number / 100 - (number % 1000) * 1e-6, number / 100)
    assert len(age._lags) <= WINDOW_SECONDS * 100 + 1

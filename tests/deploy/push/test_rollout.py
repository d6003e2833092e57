"""Many devices: canaries first, a bounded number side by side, and an end when too many fail."""

import asyncio

import pytest

from edge.deploy.push import rollout
from edge.deploy.push.host import Host
from edge.errors import GateFailed, InputError


def hosts(count, canaries=0):
    return [Host(f"h{i}", f"h{i}", canary=i < canaries) for i in range(count)]


class Fleet:
    """Devices of which some fail."""

    def __init__(self, failing=()):
        self.failing, self.tried, self.now, self.most = set(failing), [], 0, 0

    async def one(self, host):
        self.tried.append(host.name)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.001)
        self.now -= 1
        if host.name in self.failing:
            raise GateFailed(f"{host.name}: it fails")
        return {"release": "r"}


def run(found, fleet, parallel=4, max_failures=0):
    return asyncio.run(rollout.run(found, fleet.one, parallel, max_failures))


def test_all_are_done_with_a_bounded_number_at_once():
    fleet = Fleet()
    outcomes = run(hosts(20), fleet)
    assert [o.host for o in outcomes] == [f"h{i}" for i in range(20)]
    assert all(o.code == 0 and o.answer == {"release": "r"} for o in outcomes)
    assert fleet.most == 4


def test_canaries_come_first_and_alone():
    fleet = Fleet()
    run(hosts(10, canaries=2), fleet)
    assert fleet.tried[:2] == ["h0", "h1"]


def test_a_canary_that_fails_ends_it():
    fleet = Fleet(["h0"])
    outcomes = run(hosts(10, canaries=1), fleet, max_failures=5)
    assert fleet.tried == ["h0"]
    assert [o.tried for o in outcomes] == [True] + [False] * 9
    assert outcomes[1].error == "h1: not tried: the canary h0 failed"


@pytest.mark.parametrize(("allowed", "tried"), [(0, 1), (1, 2), (2, 20)])
def test_it_ends_after_too_many_failures(allowed, tried):
    fleet = Fleet(["h0", "h1"])
    outcomes = run(hosts(20), fleet, parallel=1, max_failures=allowed)
    assert len(fleet.tried) == tried
    assert [o for o in outcomes if not o.tried] == outcomes[tried:]


def test_a_refusal_keeps_its_exit_code():
    async def refuse(host):
        raise InputError("h0: no")

    (outcome,) = asyncio.run(rollout.run(hosts(1), refuse, 1, 0))
    assert (outcome.code, outcome.error) == (2, "h0: no")


def test_an_unexpected_error_ends_its_own_device_only():
    async def one(given):
        if given.name == "b":
            raise TypeError("what nobody thought of")
        return {"release": given.name}

    outcomes = asyncio.run(rollout.run([Host(name, name) for name in "abc"], one, 1, 1))
    assert [outcome.code for outcome in outcomes] == [0, 3, 0]
    assert outcomes[1].error == "b: unexpected TypeError: what nobody thought of"

"""One bundle onto one device: asked first, then the runtime, the files, and the switch."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.bundle import Bundle
from edge.deploy.push import runtime, transfer
from edge.deploy.push.connection import Connection, connected
from edge.deploy.push.host import Host
from edge.deploy.push.probe import Facts, probe
from edge.deploy.push.runtime import Wheels
from edge.errors import InputError
from edge.manifest import SIGNATURE
from edge.signature import describe
from edge.slots.release import Request, Service


@dataclass(frozen=True)
class Deployment:
    """What is deployed, the same for every device.

    Attributes:
        bundle: the bundle.
        folder: the folder of its files.
        wheels: the runtime.
        service: how it runs; the source may differ from device to device.
        camera: the options of ``edge-camera`` besides the source.
        source: the source where a host states none.
        max_latency_ms: the longest median time of a run; None for no limit.
        keep: how many releases stay on a device.
    """

    bundle: Bundle
    folder: Path
    wheels: Wheels
    service: Service
    camera: tuple[str, ...] = ("--quiet",)
    source: str = "0"
    max_latency_ms: float | None = None
    keep: int = 3

    def request(self, host: Host, runtime_name: str) -> Request:
        """Return what a device's agent is asked for."""
        arguments = ("--source", host.source or self.source, *self.camera)
        service = replace(self.service, arguments=arguments)
        return Request(transfer.wanted(self.folder), runtime_name, service, self.max_latency_ms, self.keep)


def extras(bundle: Bundle) -> tuple[str, ...]:
    """Return the extras of the runtime that a bundle needs on a device.

    Raises:
        InputError: the bundle has no file that a device runs.
    """
    artifacts = bundle.manifest.artifacts
    formats = {one.format for one in artifacts if one.target == "cpu"}
    if not formats & {"tflite", "onnx"}:
        have = ", ".join(f"{one.format} {one.precision} for {one.target}" for one in artifacts)
        raise InputError(
            f"bundle {bundle.manifest.name!r} must have a .tflite or .onnx file for the processor of a device, it has: "
            f"{have}; convert the model with edge-convert --target pi5"
        )
    if not all(one.golden for one in artifacts):
        raise InputError(
            f"bundle {bundle.manifest.name!r} has no golden input, which a device compares; convert the model again"
        )
    signed = (bundle.root / SIGNATURE).exists()
    return (*(["onnx"] if "tflite" not in formats else []), *([runtime.SIGNED] if signed else []))


def check_service(bundle: Bundle) -> None:
    """Refuse a network that edge-camera cannot run on a camera, before any device is asked.

    Raises:
        InputError: it does not take one image and nothing else.
    """
    inputs = bundle.manifest.signature.inputs
    if len(inputs) != 1 or inputs[0].kind != "image":
        raise InputError(
            f"a service runs a network that takes one image, and {bundle.manifest.name!r} takes {describe(inputs)}; "
            "deploy it with --no-service"
        )


async def deploy(host: Host, deployment: Deployment, report: Callable[[str], None]) -> dict[str, Any]:
    """Put a bundle on a device.

    Args:
        host: the device.
        deployment: what is deployed.
        report: takes one line on the progress.

    Returns:
        The agent's answer, with ``host``, ``sent_bytes`` and ``runtime``.

    Raises:
        EdgeError: one line that begins with the device's name. The device runs what it ran before.
    """
    async with connected(host) as connection:
        facts = await probe(connection)
        if deployment.service.enabled and not facts.has_systemd:
            raise InputError(f"{host.name}: it has no systemd, which runs the service; deploy with --no-service")
        name = await runtime.ensure(connection, facts, deployment.wheels, report)
        return await _release(connection, replace(facts, runtime=name), deployment, report)


async def _release(
    connection: Connection, facts: Facts, deployment: Deployment, report: Callable[[str], None]
) -> dict[str, Any]:
    request = deployment.request(connection.host, facts.runtime)
    content = request.as_json()
    sent = await transfer.send(connection, facts, deployment.folder, content, _progress(report))
    report("checking and switching")
    answer = await transfer.call(connection, facts, "activate", transfer.line(content))
    return {"host": connection.host.name, **answer, "runtime": facts.runtime, "sent_bytes": sent}


SHOWN_BYTES = 1 << 19
"""Transfers of fewer bytes are not reported."""


def _progress(report: Callable[[str], None]) -> Callable[[int, int], None]:
    """Return a function of the bytes sent and all bytes, which reports each quarter."""
    shown = 0

    def show(sent: int, total: int) -> None:
        nonlocal shown
        quarter = 4 * sent // max(1, total)
        if quarter > shown and total >= SHOWN_BYTES:
            report(f"sent {sent / (1 << 20):.1f} of {total / (1 << 20):.1f} MiB")
            shown = quarter

    return show

"""The checks of a Coral Edge TPU's connection: speed, permission, driver."""

from edge import coral
from edge.coral import EdgeTpu
from edge.device import Device
from edge.doctor.check import Check
from edge.doctor.system import System

USB_2_BOARDS = ("Raspberry Pi 3", "Raspberry Pi Zero", "Raspberry Pi 2")
PERMISSION = "sudo usermod -aG plugdev $USER, then log in again and plug it in again"
DRIVER = (
    "build gasket-dkms from https://github.com/google/gasket-driver (sudo apt install devscripts dkms), "
    "then: sudo modprobe apex"
)


def accelerator(system: System, device: Device) -> list[Check]:
    """Check that Coral Edge TPUs are connected at full speed and may be opened."""
    found = coral.connected(system.root)
    if not found and coral.card_without_driver(system.root):
        return [Check("coral", "warning", "a PCIe card without its driver apex", DRIVER)]
    if not found:
        return [Check("coral", "absent", "no Edge TPU is connected")]
    return [_described(system, device, one) for one in found]


def _described(system: System, device: Device, one: EdgeTpu) -> Check:
    said = one.describe()
    if one.usb_id == "1a6e:089a":
        said += ", which the first use loads; its id changes to 18d1:9302 then"
    if not system.may_open(one.node):
        return Check("coral", "warning", f"{said}; this user may not open /{_below(system, one)}", PERMISSION)
    if one.kind == "usb" and 0 < one.speed < coral.SUPER_SPEED:
        said += f", {one.speed} Mbit/s"
        if not device.model.startswith(USB_2_BOARDS):
            mend = "plug it into a USB 3 port (blue), with the cable that came with it"
            return Check("coral", "warning", f"{said}: USB 2 takes most of its speed", mend)
    return Check("coral", "ok", said)


def _below(system: System, one: EdgeTpu) -> str:
    return str(one.node.relative_to(system.root))

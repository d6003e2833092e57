"""The checks of a Coral Edge TPU's connection: speed, permission, driver."""

from edge import coral
from edge.coral import EdgeTpu
from edge.device import Device
from edge.doctor.check import Check
from edge.doctor.system import System

USB_2_BOARDS = ("Raspberry Pi 3", "Raspberry Pi Zero", "Raspberry Pi 2")
PERMISSION = "sudo usermod -aG plugdev $USER, then log in again and plug it in again"
CARD_PERMISSION = (
    'echo \'SUBSYSTEM=="apex",MODE="0660",GROUP="apex"\' | sudo tee /etc/udev/rules.d/65-apex.rules && '
    "sudo groupadd -f apex && sudo usermod -aG apex $USER, then restart"
)
RULES = ("lib/udev/rules.d/*edgetpu*", "usr/lib/udev/rules.d/*edgetpu*", "etc/udev/rules.d/*edgetpu*")
"""Where the package of libedgetpu puts the rule that gives the stick to the group plugdev."""
RULE = (
    'echo \'SUBSYSTEM=="usb",ATTRS{idVendor}=="1a6e|18d1",GROUP="plugdev"\' | '
    "sudo tee /etc/udev/rules.d/60-edgetpu.rules && sudo udevadm control --reload && "
)
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
        found = f"{said}; this user may not open /{one.node.relative_to(system.root)}"
        return Check("coral", "warning", found, _permission(system, one))
    if one.kind == "usb" and 0 < one.speed < coral.SUPER_SPEED:
        said += f", {one.speed} Mbit/s"
        if not device.model.startswith(USB_2_BOARDS):
            mend = "plug it into a USB 3 port (blue), with the cable that came with it"
            return Check("coral", "warning", f"{said}: USB 2 takes most of its speed", mend)
    return Check("coral", "ok", said)


def _permission(system: System, one: EdgeTpu) -> str:
    """Return what lets this user open the device: a group, and a rule that gives it the device where there is none."""
    if one.kind == "pci":
        return CARD_PERMISSION
    return PERMISSION if any(map(system.exists, RULES)) else RULE + PERMISSION

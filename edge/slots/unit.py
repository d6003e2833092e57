"""The systemd unit of an application's service."""

from edge.slots.layout import App
from edge.slots.release import Service

DEVICES = (
    "char-video4linux rw",
    "char-media rw",
    "char-usb_device rw",
    "/dev/dma_heap rw",
    "/dev/vchiq rw",
    "/dev/vcio rw",
    "/dev/apex_0 rw",
)
"""What a camera and a Coral accelerator need: V4L2 and CSI cameras, USB sticks and PCIe cards."""

TEMPLATE = """\
# Written by edge-deploy; the next deploy writes it again. Put changes of your own into
# {unit}.d/*.conf, which it leaves alone.
[Unit]
Description=EdgeKit {app}: a camera with a network
Documentation=man:systemd.service(5)
After=network-online.target time-sync.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStartPre=-+{root}/runtime/bin/python -m edge.slots --root {root} {app} starting
ExecStart={current}/runtime/bin/python -m edge.cli.service {current}
ExecStartPost=-+{root}/runtime/bin/python -m edge.slots --root {root} {app} started
TimeoutStartSec={start_s}
TimeoutStopSec=10
WatchdogSec={watchdog_s}
Restart=always
RestartSec=2
{limits}
# Nothing can be written but /var/lib/edgekit-{app}, and nothing of the users is seen.
DynamicUser=yes
SupplementaryGroups=video
StateDirectory=edgekit-{app}
WorkingDirectory=/var/lib/edgekit-{app}
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
DevicePolicy=closed
{devices}
# Passwords that options name as ${{NAME}}: lines NAME=VALUE, readable by root alone.
EnvironmentFile=-/etc/edgekit/{app}.env
Environment=PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 EDGE_TRUST={root}/trust
StandardOutput=journal
StandardError=journal
SyslogIdentifier=edgekit-{app}

[Install]
WantedBy=multi-user.target
"""


def text(app: App, service: Service) -> str:
    """Return the unit file of an application."""
    limits = [f"MemoryMax={service.memory_mb}M"] if service.memory_mb is not None else []
    limits += [f"CPUQuota={service.cpu_percent}%"] if service.cpu_percent is not None else []
    return TEMPLATE.format(
        unit=app.unit,
        app=app.name,
        root=app.root,
        current=app.current,
        start_s=service.start_s,
        watchdog_s=service.watchdog_s,
        limits="\n".join(limits),
        devices="\n".join(f"DeviceAllow={one}" for one in DEVICES),
    )

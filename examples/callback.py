"""Call a function with what each frame shows.

python examples/callback.py net.edge 0
"""

import sys

import edge
from edge.pipeline import Loop
from edge.sources import open_source

if len(sys.argv) != 3:
    sys.exit(__doc__)


def show(event):
    for found in event.result.predictions:
        print(event.result.source, found.caption, f"{event.result.age_ms:.0f} ms old")


with edge.load(sys.argv[1]) as network:
    Loop(open_source(sys.argv[2]), network).run([show])

"""Run one network on several cameras in turn, and write the results of each as JSON lines.

python examples/two_cameras.py net.edge results.jsonl door=0 yard=rtsp://192.0.2.7/stream
"""

import sys

import edge
from edge.pipeline import Loop
from edge.sinks import open_sink
from edge.sources import open_source
from edge.sources.options import SourceOptions

if len(sys.argv) < 4:
    sys.exit(__doc__)

model, results, *cameras = sys.argv[1:]
named = [text.split("=", 1) for text in cameras]
sources = [open_source(address, SourceOptions(name=name)) for name, address in named]
with edge.load(model) as network:
    loop = Loop(sources, network)
    stats = loop.run([open_sink("jsonl", results, loop.context)])
for name, counts in stats.by_source.items():
    print(f"{name}: {counts.frames} results, {counts.dropped} frames dropped")

"""Run a network on pictures without a loop.

python examples/one_picture.py net.edge cat.jpg dog.jpg
"""

import sys

import edge

if len(sys.argv) < 3:
    sys.exit(__doc__)

with edge.load(sys.argv[1]) as network:
    for path, result in zip(sys.argv[2:], network(sys.argv[2:]), strict=True):
        found = ", ".join(one.caption for one in result.predictions)
        print(f"{path}: {found or 'nothing'}")

"""The workstation's side of ``edge-deploy``: over SSH onto one device or many.

A device is only ever changed by its own agent (``edge.slots``), which this package calls; the one exception is the
runtime, in which the agent lives.
"""

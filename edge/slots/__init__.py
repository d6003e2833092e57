"""The device's side of ``edge-deploy``: releases in slots, switched by one rename, checked, and rolled back.

``python -m edge.slots --root ROOT APP COMMAND`` runs one command and prints one JSON object. The folder that it works
on is shown in ``docs/decisions/devices.md``. A *release* is a bundle with the runtime and the options of its service
that it was deployed with, so that one rename switches all three.
"""

"""The camera app: a configuration, from the command line or ``camera.toml``, and the loop that it describes.

config = read(Path("camera.toml"))
with open_camera(config) as camera:
    camera.run()
"""

"""A machine that can build and run the action's image: a Docker engine, the base image, and act's runner image.

Whatever is there already is used as it is. What is missing is made with the system's own packages and kept outside the
work tree, in the cache folder (`XDG_CACHE_HOME`, else ~/.cache).
"""

"""`python -m sandbox.github`."""

from __future__ import annotations

from sandbox.github.app import make_app
from sandbox.serving import parser, serve

if __name__ == "__main__":
    serve(parser("GitHub's REST API").parse_args(), lambda _: make_app())

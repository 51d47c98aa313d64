"""What all servers of the sandbox do alike: take their arguments, bind, tell the port, serve."""

from __future__ import annotations

import argparse
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

from werkzeug.serving import make_server

from sandbox.certificates import Certificate
from sandbox.processes import die_with_parent, tell_ready


def parser(description: str) -> argparse.ArgumentParser:
    """The arguments that `Servers.start` passes."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--ready-fd", type=int)
    arguments.add_argument("--life-fd", type=int)
    return arguments


def serve(
    arguments: argparse.Namespace,
    make: Callable[[int], Any],
    prepare: Callable[[int], None] | None = None,
    certificate: Certificate | None = None,
) -> None:
    """Serve a WSGI application until the process is ended.

    Args:
        arguments: those of `parser`.
        make: makes the application; it is handed the port, which some tell others.
        prepare: called with the port once the application serves, before others are told of it.
        certificate: serve over TLS with it.
    """
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    die_with_parent(arguments.life_fd)
    listener = socket.create_server((arguments.host, arguments.port), backlog=128)
    port = listener.getsockname()[1]
    application = make(port)
    tls = (str(certificate.path), str(certificate.key)) if certificate is not None else None
    server = make_server(arguments.host, port, application, threaded=True, fd=listener.fileno(), ssl_context=tls)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    if prepare is not None:
        prepare(port)
    tell_ready(arguments.ready_fd, port)
    serving.join()

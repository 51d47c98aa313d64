"""Tell, before anything is installed, whether this Python can carry the project."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # an old interpreter is what this file looks for
    found = ".".join(map(str, sys.version_info[:3]))
    raise SystemExit(
        f"Python 3.11 or later is needed; {sys.executable} is {found}. Name another: make PYTHON=python3.12 …"
    )
try:
    import ensurepip  # noqa: F401
except ImportError:
    raise SystemExit("this Python lacks venv and pip. On Debian and Ubuntu: apt-get install python3-venv") from None

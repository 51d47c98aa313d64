"""An interpreter beside this one whose every process runs code of a test's first, the isolated ones too."""

from __future__ import annotations

import sysconfig
import venv
from pathlib import Path


def changed_interpreter(folder: Path, sitecustomize: str) -> str:
    """Make an environment with this one's packages and a sitecustomize of its own.

    The action ignores PYTHONPATH (`python -I`), so what a test has to change in its processes is changed in what they
    run on.

    Args:
        folder: where to make it.
        sitecustomize: the text of the module that Python imports when it starts.

    Returns:
        The path of its Python.
    """
    venv.create(folder, symlinks=True, with_pip=False)
    packages = next((folder / "lib").glob("python*")) / "site-packages"
    paths = dict.fromkeys((sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"]))
    (packages / "packages.pth").write_text("".join(f"{path}\n" for path in paths))
    (packages / "sitecustomize.py").write_text(sitecustomize)
    return str(folder / "bin" / "python")

"""Imports that find nothing: a requirement that is missing, a name that this Metaflow lacks, or a module that the
checkout has elsewhere.

Plain `python FILE` puts the file's own folder on the import path, and Metaflow packages that folder
(docs.metaflow.org/scaling/dependencies/project-structure): what lies elsewhere in the checkout reaches neither. A
module that says METAFLOW_PACKAGE_POLICY = "include" is packaged from wherever it was imported (read in
metaflow/package/__init__.py, 2.19). The import path is left as Python makes it: a task would fail where the deployment
did not.
"""

from __future__ import annotations

import re
from pathlib import Path

from deployer.outcome import Failure, FailureReason

LAYOUTS = (".", "src", "lib")
"""Folders that projects keep their packages in."""
NOT_IN_METAFLOW = re.compile(r"cannot import name '(\w+)' from '(metaflow(?:\.\w+)*)'")


def missing_module(error: ImportError, flow: str, importer: str, root: Path) -> Failure | None:
    """Why a module was not found, and what to do.

    Args:
        error: what the import raised.
        flow: the flow file, relative to the repository's root.
        importer: the file that has the import, relative to the root too.
        root: the repository's root.

    Returns:
        The failure without evidence; None where a module other than Metaflow was found, and something in it was not.
    """
    if "attempted relative import" in str(error):
        return _relative_import(flow, importer)
    lacking = NOT_IN_METAFLOW.match(str(error))
    if lacking is not None:
        return _not_in_metaflow(lacking[1], lacking[2], importer)
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    found = _elsewhere(error.name.partition(".")[0], flow, root)
    return _outside(error.name, found, flow, importer) if found is not None else _not_installed(error.name, flow)


def _relative_import(flow: str, importer: str) -> Failure:
    return Failure(
        reason=FailureReason.FLOW_IMPORT,
        message=f"{importer} has a relative import, and `python {flow}` runs the file outside of any package.",
        advice="Import by the name that the module has in the flow file's folder: `from utils import x`, not "
        "`from .utils import x`.",
    )


def _not_in_metaflow(name: str, module: str, importer: str) -> Failure:
    from metaflow import metaflow_version

    return Failure(
        reason=FailureReason.FLOW_IMPORT,
        message=f"{importer} needs `{name}` of `{module}`, and Metaflow {metaflow_version.get_version()}, which it is "
        "deployed with, does not have it.",
        advice="If another version of Metaflow has it, or an extension, name that in the input `requirements` "
        "(`metaflow==…`); else correct the import.",
    )


def _not_installed(module: str, flow: str) -> Failure:
    return Failure(
        reason=FailureReason.FLOW_IMPORT,
        message=f"{flow} imports `{module}`, which is not installed where the flow is deployed.",
        advice="Name the package in a requirements file and give that file as the input `requirements`, or import it "
        "inside the step that uses it.",
    )


def _outside(module: str, found: Path, flow: str, importer: str) -> Failure:
    marked = found if found.suffix == ".py" else found / "__init__.py"
    return Failure(
        reason=FailureReason.FLOW_IMPORT,
        message=f"{importer} imports `{module}`, which the checkout has as `{found}`, outside of what the flow sees: "
        f"plain `python {flow}` fails on it too, and the code package that tasks get has its root in the flow file's "
        f"folder, `{Path(flow).parent}`.",
        advice=f"Move the flow file up to `{found.parent}`, beside `{found.name}`. Or have Metaflow add the package: "
        f'write `METAFLOW_PACKAGE_POLICY = "include"` into `{marked}`, and name the folder `{found.parent}` in '
        "PYTHONPATH, in the job's `env`.",
    )


def _elsewhere(top: str, flow: str, root: Path) -> Path | None:
    """Where the checkout has a module or a package of that name, outside of the flow file's folder."""
    if Path(flow).is_absolute():  # it lies outside of the checkout
        return None
    for folder in Path(flow).parent.parents:
        for place in (folder / layout for layout in LAYOUTS):
            if (root / place / f"{top}.py").is_file():
                return place / f"{top}.py"
            if any((root / place / top).glob("*.py")):
                return place / top
    return None

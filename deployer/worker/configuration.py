"""Metaflow's configuration (METAFLOW_*), looked at, and changed where the process was forked before the change.

Metaflow reads it when `metaflow.metaflow_config` is imported, and its modules copy the values that they use. A command
of Deployer is forked from a process that has imported all of them, so that a variable in the command's environment
alone is not enough.
"""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from deployer.worker import search_path

PREFIX = "METAFLOW_"
CHANGEABLE = ("METAFLOW_ARGO_WORKFLOWS_USE_SCHEDULES",)
"""What may be changed after Metaflow was imported: switches that nothing else is computed from."""


def is_set(variable: str) -> bool:
    """Whether somebody chose the value, in the environment or in a configuration file of Metaflow's."""
    if variable in os.environ:
        return True
    from metaflow import metaflow_config_funcs

    files = (metaflow_config_funcs.METAFLOW_LOCAL_CONFIG, metaflow_config_funcs.METAFLOW_CONFIG)
    return any(variable in (file or {}) for file in files)


def is_known(variable: str) -> bool:
    """Whether this Metaflow, which a flow may have pinned, knows the variable."""
    from metaflow import metaflow_config

    return hasattr(metaflow_config, variable.removeprefix(PREFIX))


def differences(environment: Mapping[str, str]) -> frozenset[str]:
    """The variables of Metaflow's that an environment has otherwise than this process, but for the changeable ones."""
    names = {name for name in {*environment, *os.environ} if name.startswith(PREFIX)} - set(CHANGEABLE)
    return frozenset(name for name in names if environment.get(name) != os.environ.get(name))


def with_metaflow(environment: Mapping[str, str], configured: Mapping[str, str]) -> dict[str, str]:
    """An environment with these METAFLOW_* in the place of its own."""
    return {**{name: value for name, value in environment.items() if not name.startswith(PREFIX)}, **configured}


def watch(differs: Callable[[Mapping[str, str]], None]) -> None:
    """Look at METAFLOW_* once more when the flow first imports Metaflow: `os.environ["METAFLOW_…"] = …` above that
    import has its effect for plain Python, and none where Metaflow was imported before. The same holds for extensions
    of Metaflow in a folder that the flow adds to `sys.path`.

    Args:
        differs: takes all METAFLOW_* there are, where the flow has changed some or has added extensions.
    """
    before, path, original = dict(os.environ), list(sys.path), builtins.__import__

    def look(name: str, *arguments: Any, **named: Any) -> Any:
        if name.split(".", maxsplit=1)[0] == "metaflow":
            builtins.__import__ = original
            added = [entry for entry in sys.path if isinstance(entry, str) and entry not in path]
            if differences(before) or search_path.hold_extensions(added):
                differs({name: value for name, value in os.environ.items() if name.startswith(PREFIX)})
        return original(name, *arguments, **named)

    builtins.__import__ = look


def take_up(environment: Mapping[str, str]) -> None:
    """Have the modules of Metaflow that are imported already go by the changeable variables of an environment."""
    for variable in CHANGEABLE:
        if variable in environment and "metaflow.metaflow_config" in sys.modules:
            _replace(variable.removeprefix(PREFIX), environment[variable])


def _replace(name: str, text: str) -> None:
    value = text.lower() not in ("0", "false", "")  # as metaflow_config_funcs.from_conf reads a switch
    for module_name, module in list(sys.modules.items()):
        if module_name.split(".")[0] == "metaflow" and name in getattr(module, "__dict__", {}):
            setattr(module, name, value)

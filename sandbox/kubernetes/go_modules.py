"""`python -m sandbox.kubernetes.go_modules`: make modules/* whole again after a version in a go.mod was changed.

Kubernetes' own go.mod takes its staging modules from its own tree, which a module does not have; whoever requires it
has to replace each by its published version. Which there are changes from release to release, so they are read from
the go.mod of the very version.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from sandbox.kubernetes.versions import (
    ARGO_EVENTS_MODULE,
    ARGO_WORKFLOWS_MODULE,
    KUBERNETES_MODULE,
    MODULES,
    go_directive,
    required,
)

STAGING = re.compile(r"^\s*(?:replace )?(k8s\.io/\S+) => \./staging/", re.MULTILINE)
REPLACE = re.compile(r"^replace \(\n(?:.*\n)*?\)\n", re.MULTILINE)
GO = re.compile(r"^go \S+$", re.MULTILINE)


def main() -> int:
    """Rewrite what follows from the versions."""
    folder = MODULES / "kubernetes"
    go_mod = folder / "go.mod"
    version = required(go_mod.read_text(), KUBERNETES_MODULE)
    own = json.loads(_go(folder.parent, "mod", "download", "-json", f"{KUBERNETES_MODULE}@{version}"))
    go_mod.write_text(replaced(go_mod.read_text(), Path(own["GoMod"]).read_text()))
    (folder / "go.sum").unlink(missing_ok=True)
    _go(folder, "mod", "tidy")
    (MODULES / "argo" / "go.sum").unlink(missing_ok=True)
    _go(MODULES / "argo", "mod", "download", ARGO_WORKFLOWS_MODULE, ARGO_EVENTS_MODULE)
    return 0


def replaced(go_mod: str, kubernetes: str) -> str:
    """A go.mod that requires Kubernetes, with the Go version and the replacements that it needs.

    Args:
        go_mod: its text; what it replaces now goes away.
        kubernetes: the text of Kubernetes' own go.mod.
    """
    version = required(go_mod, KUBERNETES_MODULE)
    staging = staging_version(version)
    lines = "".join(f"\t{module} => {module} {staging}\n" for module in sorted(set(STAGING.findall(kubernetes))))
    bare = GO.sub(f"go {go_directive(kubernetes)}", REPLACE.sub("", go_mod)).rstrip("\n")
    return f"{bare}\n\nreplace (\n{lines})\n"


def staging_version(kubernetes: str) -> str:
    """The version of the staging modules of a Kubernetes: v1.34.4 is published with v0.34.4."""
    return re.sub(r"^v1\.", "v0.", kubernetes)


def _go(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["go", *arguments], cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())

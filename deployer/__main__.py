"""`python -I -u -B -m deployer`: the image's entrypoint."""

import contextlib
import os
import sys
from pathlib import Path

from deployer.main import main


def give_back(workspace: Path) -> None:
    """Hand what the flows' code wrote in the workspace to its owner.

    The container runs as root, as GitHub wants it, and the workspace outlives it: on a runner of one's own the next
    job's checkout would fail on files that the runner's user can't remove.
    """
    if os.geteuid() != 0 or not workspace.is_dir():
        return
    owner = workspace.stat()
    if owner.st_uid == 0:
        return
    for folder, folders, files in os.walk(workspace):
        for name in (*folders, *files):
            path = Path(folder, name)
            with contextlib.suppress(FileNotFoundError):  # something else may tidy up at the same time
                if path.lstat().st_uid == 0:
                    os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


if __name__ == "__main__":
    try:
        status = main()
    finally:
        give_back(Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()))
    sys.exit(status)

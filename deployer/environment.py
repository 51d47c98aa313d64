"""The environment of the processes that the action starts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

# Read by our own process only: a flow is somebody's code, and so is what builds a package. Neither gets a way to write
# the job's outputs, nor a token of the job's.
WITHHELD = (
    "GITHUB_ENV",
    "GITHUB_OUTPUT",
    "GITHUB_PATH",
    "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY",
    "GITHUB_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_RUNTIME_URL",
    "ACTIONS_RESULTS_URL",
    "ACTIONS_CACHE_URL",
)


def worker_environment(
    environ: Mapping[str, str], own: Mapping[str, str], without: Collection[str] = ()
) -> dict[str, str]:
    """The environment of what the action starts.

    Args:
        environ: the job's environment, of which what only the action reads is left out.
        own: what the action adds.
        without: further variables of the job's to leave out.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if name not in WITHHELD and name not in without and not name.startswith("INPUT_")
    }
    return {**kept, **_google_credentials(environ), **own}


def _google_credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """The file that google-github-actions/auth leaves in the checkout, as the container sees it: the action names it in
    GOOGLE_APPLICATION_CREDENTIALS by the runner's own path."""
    named = environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    workspace = environ.get("GITHUB_WORKSPACE")
    if not named or not workspace or Path(named).is_file():
        return {}
    mounted = Path(workspace, Path(named).name)
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(mounted)} if mounted.is_file() else {}

"""The environment of the processes that the action starts."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from deployer.checkout import origin_url

# Read by our own process only: a flow is somebody's code, and so is what builds a package. Neither gets a way to write
# the job's outputs, nor a token of the job's.
WITHHELD = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
WITHHELD_PREFIXES = ("INPUT_", "ACTIONS_")
"""ACTIONS_*: the runner's own addresses, of the OIDC token and of the cache, and the tokens for them."""
GITHUB_TOKEN_NAME = re.compile(r"(?:^|_)(?:GITHUB|GHE?|GHCR)_(?:\w+_)?(?:TOKEN|PAT|PRIVATE_KEY)$")
"""GH_TOKEN, GITHUB_PAT, GH_ENTERPRISE_TOKEN, GITHUB_APP_PRIVATE_KEY, ORG_GITHUB_TOKEN: what people call a credential
that may write to repositories."""
GITHUB_TOKEN = re.compile(r"gh[opsur]_\w{16,}|github_pat_\w{20,}")
"""The forms of GitHub's tokens, whatever the variable is called
(https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/)."""


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
        name: value for name, value in environ.items() if name not in without and not is_withheld(name, value, environ)
    }
    return {**kept, **_google_credentials(environ), **git_variables(environ), **own}


def installer_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of uv: without PYTHON* too, which is for the flow and would change how packages are built.

    Args:
        environ: the job's environment.
    """
    python = [name for name in environ if name.startswith("PYTHON")]
    return worker_environment(environ, {}, python)


def is_withheld(name: str, value: str, environ: Mapping[str, str]) -> bool:
    """Whether a variable of the job's is for the action alone.

    Args:
        name: the variable's name.
        value: its value.
        environ: the job's environment, whose input `github-token` may stand under another name too.
    """
    if name in WITHHELD or name.startswith(WITHHELD_PREFIXES) or GITHUB_TOKEN_NAME.search(name):
        return True
    given = (environ.get("INPUT_GITHUB-TOKEN") or environ.get("INPUT_GITHUB_TOKEN") or "").strip()
    return bool(GITHUB_TOKEN.fullmatch(value.strip())) or bool(given and value.strip() == given)


def git_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """What lets git read the checkout, as configuration of the command line, behind what the job itself gives so.

    The workspace belongs to the runner's user and the container's is root, so that git refuses it unless it is a
    `safe.directory`. A remote's URL that holds a password is replaced: Metaflow writes it into the code package.

    Args:
        environ: the job's environment.
    """
    workspace = environ.get("GITHUB_WORKSPACE")
    if not workspace:
        return {}
    folders = dict.fromkeys((workspace, str(Path(workspace).resolve())))
    # with `/*` for a checkout below it, and for submodules; git knows that since 2.46 (git-config: safe.directory)
    settings = [("safe.directory", f"{folder}{end}") for folder in folders for end in ("", "/*")]
    url = origin_url(Path(workspace))
    if url is not None and (plain := _without_user(url)) != url:
        settings.append(("remote.origin.url", plain))
    count = environ.get("GIT_CONFIG_COUNT", "")
    first = int(count) if re.fullmatch("[0-9]{1,4}", count) else 0
    variables = {"GIT_CONFIG_COUNT": str(first + len(settings))}
    for index, (key, value) in enumerate(settings, first):
        variables |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
    return variables


def _without_user(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:  # a broken IPv6 address; nothing can be fetched from there, and git says so
        return re.sub(r"(?<=://)[^/]*@", "", url)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return url
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _google_credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """The file that google-github-actions/auth leaves in the checkout, as the container sees it: the action names it in
    GOOGLE_APPLICATION_CREDENTIALS by the runner's own path."""
    named = environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    workspace = environ.get("GITHUB_WORKSPACE")
    if not named or not workspace or Path(named).is_file():
        return {}
    mounted = Path(workspace, Path(named).name)
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(mounted)} if mounted.is_file() else {}

"""Which commit lies in the workspace, from git's own files: git itself would obey the checkout's configuration, which
can name programs to run."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def checked_out_commit(workspace: Path) -> str | None:
    """The commit that HEAD names.

    A step with actions/checkout can take another commit than the event's (`ref`), and what is deployed is what lies
    there.

    Args:
        workspace: the checkout.

    Returns:
        The full SHA; None where there is no repository, no commit yet, or one laid out in a way that only git reads.
    """
    git = _git_folder(workspace)
    head = _read(git / "HEAD")
    if not head.startswith("ref: "):
        return head if COMMIT.fullmatch(head) else None
    ref = head.removeprefix("ref: ").strip()
    if not re.fullmatch(r"refs/[^\s\\]+", ref) or ".." in ref:
        return None
    common = _common_folder(git)
    commit = _read(common / ref)
    if COMMIT.fullmatch(commit):
        return commit
    packed = re.search(rf"^([0-9a-f]+) {re.escape(ref)}$", _read(common / "packed-refs"), flags=re.MULTILINE)
    return packed[1] if packed is not None and COMMIT.fullmatch(packed[1]) else None


def checkout_of(file: Path, workspace: Path) -> Path:
    """The folder of the checkout that a file belongs to: a job can have several, by actions/checkout's `path`.

    A submodule belongs to the repository around it, whose commit names the submodule's own.

    Args:
        file: a file or folder in the workspace.
        workspace: the job's.

    Returns:
        The nearest folder with a repository, at or above the file; the workspace, where there is none.
    """
    workspace, file = workspace.resolve(), file.resolve()
    if not file.is_relative_to(workspace):
        return workspace
    for folder in (file, *file.parents):
        if folder == workspace:
            break
        git = folder / ".git"
        if git.is_dir() or (git.is_file() and not _is_submodule(git)):
            return folder
    return workspace


def checkouts_of(files: Iterable[Path], workspace: Path) -> tuple[Path, ...]:
    """The checkouts of a job: the workspace, those in its folders, and those that files belong to.

    Args:
        files: files or folders in the workspace; a path that cannot be followed belongs to none.
        workspace: the job's.
    """
    found = [workspace]
    for file in (*_folders(workspace), *files):
        # a name too long, a NUL, or a loop of links: the check of the inputs reports it
        with suppress(OSError, ValueError, RuntimeError):
            found.append(checkout_of(file, workspace))
    return tuple(dict.fromkeys(found))


def checked_out_branch(workspace: Path) -> str | None:
    """The branch that HEAD names; None where a commit, a tag or a pull request was checked out, or nothing."""
    found = re.fullmatch(r"ref: refs/heads/(\S+)", _read(_git_folder(workspace) / "HEAD"))
    return found[1] if found is not None else None


def origin_url(workspace: Path) -> str | None:
    """The address of the remote `origin`, a password in it included; None where there is none."""
    return _configuration(workspace / ".git" / "config").get('remote "origin".url')


@dataclass(frozen=True, kw_only=True)
class PersistedCredentials:
    """What actions/checkout left for the steps after it, unless `persist-credentials: false`."""

    where: str
    """Where it is, as the end of a sentence."""
    secrets: tuple[str, ...] = ()
    """The credentials themselves, as far as they can be read here."""


def persisted_credentials(checkout: Path) -> PersistedCredentials | None:
    """The credentials that actions/checkout left with a checkout; None: it left none.

    Up to v5 it writes a header with the token into `.git/config`; from v6 on into a file of the runner's temporary
    folder, which `.git/config` includes by two names, the runner's and a container's. An SSH key (`ssh-key`) is in that
    folder too, and `core.sshCommand` names it (actions/checkout: src/git-auth-helper.ts).
    """
    config = _configuration(_common_folder(_git_folder(checkout)) / "config")
    own = _header_secrets(config)
    included = [Path(value) for key, value in config.items() if re.fullmatch(r"include(if .+)?\.path", key)]
    files = [path for path in included if re.fullmatch(r"git-credentials-.+\.config", path.name)]
    if own:
        return PersistedCredentials(where="`.git/config`", secrets=own)
    if files:
        secrets = tuple(secret for path in files for secret in _header_secrets(_configuration(path)))
        return PersistedCredentials(where="the runner's temporary folder", secrets=tuple(dict.fromkeys(secrets)))
    if "RUNNER_TEMP" in config.get("core.sshcommand", ""):
        return PersistedCredentials(where="the runner's temporary folder, as an SSH key")
    return None


def _header_secrets(config: Mapping[str, str]) -> tuple[str, ...]:
    """The credentials in a configuration's HTTP headers, as they stand and decoded (`x-access-token:TOKEN`)."""
    found: list[str] = []
    for key, value in config.items():
        header = re.fullmatch(r"(?i)authorization: *(?:basic|bearer) +(\S+)", value)
        if header is None or not re.fullmatch(r"http( .+)?\.extraheader", key):
            continue
        found.append(header[1])
        try:
            decoded = base64.b64decode(header[1], validate=True).decode()
        except (binascii.Error, ValueError):
            continue
        found.append(decoded.partition(":")[2])
    return tuple(one for one in found if one)


def why_partial(workspace: Path, repository: str) -> str | None:
    """Why a file that is missing here need not be missing in the repository; None: it is.

    A shallow checkout, and a partial clone, have all files of their commit; a sparse one has not (git-sparse-checkout:
    core.sparseCheckout, in the repository's configuration or the worktree's own).

    Args:
        workspace: the checkout.
        repository: OWNER/NAME, which it has to be of.

    Returns:
        The end of a sentence.
    """
    git = workspace / ".git"
    config = _configuration(git / "config")
    if not config or checked_out_commit(workspace) is None:
        return "the workspace holds no checkout of a repository"
    own = _configuration(git / "config.worktree")
    if "true" in (config.get("core.sparsecheckout"), own.get("core.sparsecheckout")):
        return "it is a sparse one, which lacks files that the repository has"
    remotes = [url for key, url in config.items() if re.fullmatch(r'remote ".*"\.url', key)]
    if not any(_names(url, repository) for url in remotes):
        return f"it is none of {repository}"
    return None


def flow_is_gone(workspace: Path, flow: str) -> bool:
    """Whether a flow file is not in a whole checkout; what lies in a submodule is another repository's to tell.

    Args:
        workspace: the checkout.
        flow: the file, relative to the repository's root.
    """
    path = PurePosixPath(flow)
    modules = _configuration(workspace / ".gitmodules")
    within = {value for key, value in modules.items() if key.endswith(".path")}
    if path.is_absolute() or ".." in path.parts or any(str(parent) in within for parent in path.parents):
        return False
    return not (workspace / path).exists()


def _folders(workspace: Path) -> tuple[Path, ...]:
    try:
        return tuple(sorted(path for path in workspace.iterdir() if path.is_dir()))
    except OSError:  # no workspace, or none of ours: there is nothing to be known
        return ()


def _git_folder(checkout: Path) -> Path:
    """The repository of a checkout: `.git`, or what the file `.git` of a worktree names (gitrepository-layout)."""
    git = checkout / ".git"
    named = re.fullmatch(r"gitdir: (.+)", _read(git)) if git.is_file() else None
    return checkout / named[1] if named is not None else git


def _common_folder(git: Path) -> Path:
    """Where a repository has its branches: its own folder, for a worktree the main repository's."""
    common = _read(git / "commondir")
    return git / common if common else git


def _is_submodule(git: Path) -> bool:
    """Whether the file `.git` is a submodule's: the repository around it has its own in `.git/modules`.

    A worktree of a submodule has its own in there too, and a commit that nothing around it names.
    """
    named = re.fullmatch(r"gitdir: .*\.git/modules/(.+)", _read(git))
    return named is not None and "/worktrees/" not in f"/{named[1]}"


def _configuration(path: Path) -> dict[str, str]:
    """A file of git's configuration, flat: `core.bare`, `remote "origin".url`; sections and keys in lower case."""
    found: dict[str, str] = {}
    section = ""
    for line in _read(path).splitlines():
        heading = re.fullmatch(r"\s*\[\s*([\w.-]+)\s*(\".*\")?\s*\]\s*", line)
        pair = re.fullmatch(r"\s*([A-Za-z][\w-]*)\s*(?:=\s*(.*?))?\s*", line)
        if heading is not None:
            section = heading[1].lower() + (f" {heading[2]}" if heading[2] else "")
        elif pair is not None:
            value = pair[2] if pair[2] is not None else "true"
            found[f"{section}.{pair[1].lower()}"] = value if value.lower() not in ("yes", "on", "1") else "true"
    return found


def _names(url: str, repository: str) -> bool:
    """Whether a remote's address, whatever its protocol, is of that repository."""
    return re.search(rf"[/:]{re.escape(repository)}(?:\.git)?/?$", url, re.IGNORECASE) is not None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):  # no such file, or none of text: there is nothing to be known
        return ""

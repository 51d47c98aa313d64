"""The files that the input `requirements` leads to: uv prints the line that it cannot read, whatever file it is in.

The format is pip's (https://pip.pypa.io/en/stable/reference/requirements-file-format/) as uv reads it, tried with uv
0.13: `-r`, `-c`, `-e` and `-f` with or without a space or `=`, a value in quotes or with escaped spaces, `file:` URLs,
`${NAME}` of the environment. A file that is included is found from the one that names it, a package from the folder
that uv runs in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from deployer.inputs.inside import is_inside
from deployer.inputs.mistake import shown
from deployer.inputs.model import input_failure
from deployer.outcome import Failure

MOST_FILES = 100
"""Requirements files that are followed."""
LARGEST_FILE = 1 << 20
"""Bytes of one of them; a lock file with hashes has a tenth."""
INCLUDED = ("-r", "--requirement", "-c", "--constraint")
OPTION = re.compile(r"\s*(?P<option>--requirement|--constraint|--editable|--find-links|-[rcef])[\s=]*(?P<value>.*)")


@dataclass(frozen=True)
class Reference:
    """A path that a line names."""

    value: str
    """Without quotes and escapes; a `file:` URL as its path."""
    is_included: bool
    """Whether it is a requirements file itself."""


def check_requirements(text: str, file: Path | None, folder: Path, workspace: Path) -> Failure | None:
    """What in the requirements leads out of the checkout: the first thing that is wrong; arguments as `follow`."""
    return follow(text, file, folder, workspace)[0]


def follow(text: str, file: Path | None, folder: Path, workspace: Path) -> tuple[Failure | None, tuple[Path, ...]]:
    """All that requirements lead to, through the files that they include too.

    What comes from an index or a URL is not looked at, and what does not exist is left for uv to say.

    Args:
        text: the requirements themselves, where `file` is None.
        file: the requirements file that the input names.
        folder: `working-directory`, absolute.
        workspace: the folder of the checkout.

    Returns:
        The first thing that is wrong, None where nothing is; and the paths up to there, of packages to build as well.
    """
    paths: list[Path] = [file] if file is not None else []
    base = file.parent if file is not None else folder
    pending = [(file, base, "it" if file is None else f"`{file.name}`")]
    seen: set[Path] = set()
    while pending:
        path, here, name = pending.pop()
        if path is not None:
            if path.stat().st_size > LARGEST_FILE:
                wrong = f"reads {name}, which has more than {LARGEST_FILE >> 20} MB"
                return _wrong(wrong, "Name a shorter file."), tuple(paths)
            text = path.read_text(encoding="utf-8", errors="replace")
        for reference in references(text):
            if "${" in reference.value:
                wrong = f"names {shown(reference.value)} in {name}, a path that depends on a variable"
                return _wrong(wrong, "Write the path itself, relative to the file that it is in."), tuple(paths)
            target = (here if reference.is_included else base) / reference.value
            if not is_inside(target, workspace):
                wrong = f"names {shown(reference.value)} in {name}, which leads out of the checkout"
                return _wrong(wrong, "Name a path that stays inside it, symbolic links followed."), tuple(paths)
            paths.append(target)
            if reference.is_included and target.is_file() and (found := target.resolve()) not in seen:
                seen.add(found)
                pending.append((target, target.parent, f"`{reference.value}`"))
        if len(seen) > MOST_FILES:
            wrong = f"leads to more than {MOST_FILES} files"
            return _wrong(wrong, "Put the requirements into fewer files."), tuple(paths)
    return None, tuple(paths)


def references(text: str) -> Iterator[Reference]:
    """The paths that the lines of a requirements file name.

    Args:
        text: the file's.
    """
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        option = OPTION.fullmatch(line)
        value = option["value"] if option is not None else _package(line)
        plain = _path(re.sub(r"(^|\s)#.*", "", value).strip())
        if plain:
            yield Reference(plain, is_included=option is not None and option["option"] in INCLUDED)


def _package(line: str) -> str:
    """What a line that is no option takes from a path: `./package`, `name @ file:///package`, `folder/x.whl`."""
    text = line.strip()
    if text.startswith(("-", "#")):
        return ""
    named = re.match(r"[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\])?\s*@\s*(.*)", text)
    value = re.split(r"\s;|;\s|\s--|\[[\w, -]*\]$", named[1] if named else text)[0]
    return value if "/" in value or value.startswith(".") else ""


def _path(value: str) -> str:
    """The path that a value is; empty where it is a URL of elsewhere."""
    plain = re.sub(r"\\(.)", r"\1", value.strip("\"'"))
    scheme = re.match(r"(?:\w+\+)?(file):|[A-Za-z][\w+.-]*://", plain)
    if scheme is None:
        return plain
    return unquote(urlsplit(plain[scheme.start(1) :]).path) if scheme[1] else ""


def _wrong(wrong: str, advice: str) -> Failure:
    return input_failure("requirements", wrong, advice)

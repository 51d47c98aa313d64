"""Why a command of Metaflow failed: from the exception that ended it, or from the last error in what it printed.

A flow prints whatever it likes. What counts is the error that Metaflow, or Python, ends the command with: an exception
where it is at hand as data, else the last block of the output that has an error's form. Nothing else of the output is
searched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from deployer.orchestrators.client_errors import client_failure
from deployer.orchestrators.error_patterns import first_match, folded
from deployer.orchestrators.metaflow_refusals import REFUSALS
from deployer.outcome import Failure, FailureReason

METAFLOWS = frozenset({"metaflow", "metaflow_extensions"})
CLIENTS = frozenset(
    {"azure", "boto3", "botocore", "google", "kubernetes", "pydantic", "requests", "s3transfer", "urllib3"}
)
"""Packages whose exceptions are not the flow's, by the first part of a module's name; those that they call too."""
INSTALLED = re.compile(r"/site-packages/(\w+)")
LIBRARY = re.compile(r"/lib/python3[.\d]*/|^<frozen ")
FRAME = re.compile(r'^ *File "([^"]+)", line \d+', re.MULTILINE)
BLOCK = re.compile(
    r"^ {4}(?P<headline>[A-Z][^\n:]*?)(?: in file [^\n]+?)?(?: on line \d+)?:\n(?P<said>(?: {4}[^\n]*\n)+)",
    re.MULTILINE,
)
"""How Metaflow prints one of its exceptions (metaflow.cli.print_metaflow_exception): indented, the headline first."""
TRACEBACK = "Traceback (most recent call last):\n"
RAISED = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: (?P<said>.*))?$", re.DOTALL)
USAGE = re.compile(r"^Error: (?P<said>[^\n]+)$", re.MULTILINE)
"""How click refuses an option, which Metaflow leaves to it."""
OWNER = re.compile(r"There is an existing version of .{1,300}? which was deployed by the user (\S+?)\.\s")


@dataclass(frozen=True, kw_only=True)
class ReportedError:
    """An exception that ended a command of Metaflow."""

    type: str
    """The class's name, without its module; empty where only a headline is known."""
    message: str
    module: str = ""
    """The class's module."""
    headline: str | None = None
    """Metaflow's word for the kind of the error, which its own exceptions have."""
    traceback: str = ""

    @property
    def sentence(self) -> str:
        """What went wrong in the error's own words, on one line."""
        before = self.headline or self.type
        return folded(f"{before}: {self.message}" if self.message and before else before or self.message)

    @property
    def evidence(self) -> str:
        """The error's own words; with the name of its class where that is Python's, which the message counts on."""
        said = self.message.strip()
        return f"{self.type}: {said}" if self.module == "builtins" and said else said or self.type


def diagnose_exception(error: ReportedError, output: str = "") -> Failure | None:
    """What an exception means that ended a command of Metaflow.

    Args:
        error: the exception, as data.
        output: what the command printed; it is only read for the name of the user who owns a guarded deployment,
            which Metaflow prints before the exception.

    Returns:
        The failure, with the error's own words as evidence; None where it is not known, or is the flow's own.
    """
    failure = _known(error, output)
    return replace(failure, evidence=failure.evidence or error.evidence) if failure is not None else None


def classify_output(output: str) -> Failure | None:
    """What the last error in a command's output means.

    Args:
        output: the command's output and errors.

    Returns:
        The failure, without evidence; None where there is no error, or none that is known.
    """
    error = last_error(output)
    return _known(error, output) if error is not None else None


def last_error(output: str) -> ReportedError | None:
    """The last error that Metaflow, Python or click printed; None where there is none.

    A flow can print what looks like one. Metaflow prints its own when the command ends, so that the last one counts.
    """
    found = [
        (where, error) for where, error in (_block(output), _traceback(output), _usage(output)) if error is not None
    ]
    return max(found, key=lambda one: one[0])[1] if found else None


def _known(error: ReportedError, output: str) -> Failure | None:
    """The failure without evidence, unless the evidence is more than the message."""
    if error.type == "IncorrectProductionToken" or "Incorrect production token" in error.sentence:
        return _guarded(output)
    if _is_of(error.module, METAFLOWS) or error.headline is not None or not error.module:
        refused = first_match(REFUSALS, f"{error.sentence} {_raised_by(error)}".strip())
        return refused or client_failure(error.sentence)
    if not _is_metaflows(error.traceback):
        return None
    said = f"{error.type}: {folded(error.message)}"
    return first_match(REFUSALS, f"{_raised_by(error)} {said}") or client_failure(said)


def _guarded(output: str) -> Failure:
    owner = OWNER.search(folded(output) + " ")
    who = f"`{owner[1]}`" if owner is not None else "Somebody else"
    return Failure(
        reason=FailureReason.TOKEN,
        input="authorize",
        message=f"{who} deployed this before, and Metaflow's production token guards it.",
        advice="If it is yours, give the production token as `authorize`, or deploy as the same user: `metaflow-user`. "
        "If it is not, give another `deployment-name` or `project-branch`.",
    )


def _is_of(module: str, packages: frozenset[str]) -> bool:
    return module.partition(".")[0] in packages


def _is_metaflows(traceback: str) -> bool:
    """Whether Metaflow made the call that failed, and not the flow: both use the same clients.

    The innermost frame that is neither a client's nor Python's own tells; without frames it is Metaflow's.
    """
    for file in reversed(FRAME.findall(traceback)):
        package = INSTALLED.search(file)
        if package is not None and package[1] in METAFLOWS:
            return True
        if not (package[1] in CLIENTS if package is not None else LIBRARY.search(file)):
            return False
    return True


def _raised_by(error: ReportedError) -> str:
    """The innermost call of the traceback, where an exception of Python's says nothing by itself."""
    frames = list(FRAME.finditer(error.traceback))
    if not frames or error.headline is not None:
        return ""
    return folded(error.traceback[frames[-1].end() :].partition("\n" + error.type)[0].lstrip(", "))


def _block(output: str) -> tuple[int, ReportedError | None]:
    """The last exception that Metaflow printed in its own form."""
    text = output if output.endswith("\n") else output + "\n"
    found = list(BLOCK.finditer(text))
    if not found:
        return -1, None
    said = "\n".join(line.strip() for line in found[-1]["said"].splitlines())
    return found[-1].start(), ReportedError(type="", headline=found[-1]["headline"], message=said.strip())


def _traceback(output: str) -> tuple[int, ReportedError | None]:
    """The last traceback: of Metaflow's `Internal error`, or of Python itself."""
    start = output.rfind(TRACEBACK)
    if start < 0:
        return -1, None
    lines = output[start + len(TRACEBACK) :].splitlines()
    end = next((number for number, line in enumerate(lines) if line[:1].strip()), None)
    raised = RAISED.match("\n".join(lines[end:]).partition("\n\n")[0]) if end is not None else None
    if raised is None:
        return -1, None
    module, _, kind = raised["type"].rpartition(".")
    error = ReportedError(
        type=kind,
        module=module or "builtins",
        message=(raised["said"] or "").strip(),
        traceback=output[start : start + len(TRACEBACK)] + "\n".join(lines[: end + 1 if end is not None else None]),
    )
    return start, error


def _usage(output: str) -> tuple[int, ReportedError | None]:
    found = list(USAGE.finditer(output))
    if not found or "Usage: " not in output[: found[-1].start()]:
        return -1, None
    return found[-1].start(), ReportedError(
        type="UsageError", module="metaflow._vendor.click", message=found[-1]["said"]
    )

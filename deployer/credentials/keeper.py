"""A file that always holds valid credentials of the role: every SDK reads it again before those that it has expire."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol

from deployer.credentials.files import write_secret
from deployer.credentials.id_token import Unanswered
from deployer.deadline import Cancellation, Deadline
from deployer.outcome import DeployError, Failure, FailureReason

FIRST_LIMIT = 30.0
"""Seconds for the first credentials, however often they have to be asked for."""
MARGIN = 20 * 60.0
"""Seconds before their end, at which the next ones are asked for; half of their life where that is short. botocore
reads the file again with each request once there are less than 15 minutes left (`RefreshableCredentials`)."""
SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Seconds between two attempts while the endpoint fails; the first pause is doubled each time."""
END_LIMIT = 0.5
"""Seconds that the end of the job waits for a request that is under way."""


def renewal(lifetime: float) -> float:
    """How many seconds after credentials were given the next ones are asked for."""
    return max(SHORTEST_PAUSE, lifetime - min(MARGIN, lifetime / 2))


class Kept(Protocol):
    """What is kept in the file."""

    @property
    def text(self) -> str:
        """The file's text."""

    @property
    def lifetime(self) -> float:
        """Seconds that it is valid for."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What in it must not be shown."""


class Source(Protocol):
    """Where the credentials come from."""

    def ask(self) -> Kept:
        """Ask for them.

        Raises:
            Unanswered: there was no answer; there may be one when it is asked again.
            DeployError: they were refused.
        """

    def close(self) -> None:
        """End a question that is under way."""


class CredentialKeeper:
    """Keeps the file for as long as the `with` block lasts, in a thread of this process."""

    def __init__(
        self,
        source: Source,
        path: Path,
        *,
        cancellation: Cancellation,
        mask: Callable[[tuple[str, ...]], None],
        tell: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        """Args:
        source: where the credentials come from.
        path: the file, in a folder that stands longer than the block.
        cancellation: a cancelled job needs no further ones.
        mask: is handed what is secret in them before they are written, and so before anything can use them.
        tell: takes a line for the log.
        warn: takes a warning.
        """
        self._source = source
        self._path = path
        self._cancellation = cancellation
        self._mask = mask
        self._tell = tell
        self._warn = warn
        self._end_read, self._end_write = os.pipe()

    def __enter__(self) -> CredentialKeeper:
        """Write the first credentials.

        Raises:
            DeployError: there are none to be had.
        """
        try:
            lifetime = self._take(self._first())
        except BaseException:
            os.close(self._end_read)
            os.close(self._end_write)
            raise
        self._thread = threading.Thread(target=self._keep, args=(lifetime,), name="credentials", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._end_write)  # readable at the other end from now on
        self._source.close()
        self._thread.join(END_LIMIT)
        if not self._thread.is_alive():
            os.close(self._end_read)

    def _first(self) -> Kept:
        deadline = Deadline(FIRST_LIMIT)
        pause = SHORTEST_PAUSE
        while True:
            try:
                return self._source.ask()
            except Unanswered as error:
                if self._cancellation.wait(min(pause, deadline.remaining)):
                    raise DeployError(_cancelled()) from error
                if deadline.passed:
                    raise DeployError(_unanswered(str(error))) from error
                pause *= 2

    def _keep(self, lifetime: float) -> None:
        pause, troubles = renewal(lifetime), 0
        while not self._over(pause):
            try:
                pause = renewal(self._take(self._source.ask()))
            except (Unanswered, DeployError, OSError) as error:
                if self._over(0):  # the folder may be gone by now
                    return
                if not troubles:
                    self._warn(_trouble(error))
                pause = min(LONGEST_PAUSE, SHORTEST_PAUSE * 2**troubles)
                troubles += 1
                continue
            if troubles:
                self._tell("The role's credentials are renewed again.")
            troubles = 0

    def _take(self, kept: Kept) -> float:
        self._mask(kept.secrets)
        write_secret(self._path, kept.text)
        return kept.lifetime

    def _over(self, seconds: float) -> bool:
        """Wait that long; whether the job has ended or was cancelled meanwhile."""
        return bool(select.select([self._end_read, self._cancellation.fileno()], [], [], seconds)[0])


def _trouble(error: Exception) -> str:
    said = str(error)
    if isinstance(error, DeployError):
        said = f"{error.failure.message} {error.failure.evidence}".strip()
    return (
        "The role's credentials could not be renewed; it is tried again until they are. Those in hand hold for a while "
        f"yet. It said: {said}"
    )


def _unanswered(said: str) -> Failure:
    return Failure(
        reason=FailureReason.CREDENTIALS,
        input="aws-role-to-assume",
        message=f"GitHub gave the job no OIDC token within {FIRST_LIMIT:.0f} s.",
        advice="Run the job again; https://www.githubstatus.com tells whether GitHub has a fault. A runner of your own "
        "has to reach the address below.",
        evidence=said,
    )


def _cancelled() -> Failure:
    return Failure(
        reason=FailureReason.CANCELLED,
        message="The job was cancelled while GitHub was asked for an OIDC token.",
        advice="Run it again when you are ready; nothing was deployed.",
    )

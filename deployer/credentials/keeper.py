"""A file that always holds a valid OIDC token: botocore reads it whenever it renews the role's credentials."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from deployer.credentials.files import write_secret
from deployer.credentials.id_token import IdToken, IdTokenSource, Unanswered
from deployer.deadline import Cancellation, Deadline
from deployer.outcome import DeployError, Failure, FailureReason

FIRST_LIMIT = 30.0
"""Seconds for the first token, however often it has to be asked for."""
MARGIN = 60.0
"""Seconds before a token's end, at which the next one is asked for; half of its life for one that lives shortly."""
SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Seconds between two attempts while the endpoint fails; the first pause is doubled each time."""
END_LIMIT = 0.5
"""Seconds that the end of the job waits for a request that is under way."""


def renewal(lifetime: float) -> float:
    """How many seconds after a token was given the next one is asked for."""
    return max(SHORTEST_PAUSE, lifetime - min(MARGIN, lifetime / 2))


class TokenKeeper:
    """Keeps the file for as long as the `with` block lasts, in a thread of this process."""

    def __init__(
        self,
        source: IdTokenSource,
        path: Path,
        *,
        cancellation: Cancellation,
        mask: Callable[[str], None],
        tell: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        """Args:
        source: where tokens come from.
        path: the file, in a folder that stands longer than the block.
        cancellation: a cancelled job needs no further token.
        mask: is handed each token before it is written.
        tell: takes a line for the log.
        warn: takes a warning.
        """
        self._source = source
        self._path = path
        self._cancellation = cancellation
        self._mask = mask
        self._tell = tell
        self._warn = warn
        self._claims: Mapping[str, str] = {}
        self._end_read, self._end_write = os.pipe()

    @property
    def claims(self) -> Mapping[str, str]:
        """Whom the token in the file says that the job is; none before the first one is there."""
        return self._claims

    def __enter__(self) -> TokenKeeper:
        """Write the first token.

        Raises:
            DeployError: there is none to be had.
        """
        try:
            lifetime = self._take(self._first())
        except BaseException:
            os.close(self._end_read)
            os.close(self._end_write)
            raise
        self._thread = threading.Thread(target=self._keep, args=(lifetime,), name="id-token", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._end_write)  # readable at the other end from now on
        self._thread.join(END_LIMIT)
        if not self._thread.is_alive():
            os.close(self._end_read)

    def _first(self) -> IdToken:
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
                self._tell("GitHub gives OIDC tokens again.")
            troubles = 0

    def _take(self, token: IdToken) -> float:
        self._mask(token.text)
        write_secret(self._path, token.text)
        self._claims = token.claims
        return token.lifetime

    def _over(self, seconds: float) -> bool:
        """Wait that long; whether the job has ended or was cancelled meanwhile."""
        return bool(select.select([self._end_read, self._cancellation.fileno()], [], [], seconds)[0])


def _trouble(error: Exception) -> str:
    said = str(error)
    if isinstance(error, DeployError):
        said = f"{error.failure.message} {error.failure.evidence}".strip()
    return (
        "GitHub gave no new OIDC token; it is asked again until it does. The credentials in hand hold for up to an "
        f"hour. It said: {said}"
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

"""Failures on demand: a status, a connection that closes, an answer that doesn't come."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any

MESSAGES = {
    401: "Bad credentials",
    403: "Resource not accessible by integration",
    404: "Not Found",
    409: "Conflict",
    410: "This issue was deleted",
    422: "Validation Failed",
    429: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    500: "Server Error",
    502: "Server Error",
    503: "Service Unavailable",
}


@dataclass(kw_only=True)
class Fault:
    """What is done to the next requests that match."""

    method: str
    path: str
    status: int = 500
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    hang: float | None = None
    drop: bool = False
    carried_out: bool = False

    def __post_init__(self) -> None:
        re.compile(self.path)

    def matches(self, method: str, url: str) -> bool:
        """Whether a request is one of them."""
        return self.times > 0 and self.method in ("*", method) and re.search(self.path, url) is not None


@dataclass
class Faults:
    """Those that are still to come, in the order in which they were asked for."""

    waiting: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)
    """Set by a reset: what hangs then goes on."""

    def add(self, fault: Fault) -> None:
        """Fail the next requests that match."""
        with self.lock:
            self.waiting.append(fault)

    def take(self, method: str, url: str) -> Fault | None:
        """The fault of a request, used up by one."""
        with self.lock:
            for fault in self.waiting:
                if fault.matches(method, url):
                    fault.times -= 1
                    return fault
        return None

    def wait(self, fault: Fault) -> None:
        """Hang as long as the fault wants, or until a reset."""
        if fault.hang:
            self.ended.wait(fault.hang)

    def reset(self) -> None:
        """No more of them."""
        with self.lock:
            self.waiting.clear()
            self.ended.set()
            self.ended = threading.Event()

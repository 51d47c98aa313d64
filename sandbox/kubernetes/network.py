"""The cluster's addresses, and the one link that joins the node to the machine.

The API server listens on the kubernetes Service's own address, so that no kube-proxy is needed. On the machine, routes
that say `unreachable` cover all three ranges before anything else is made, until everything else is gone: whatever is
down, no packet for the cluster follows the default route out. The node itself has no default route at all.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from typing import Any

from sandbox.docker.machine import UnavailableError, output
from sandbox.kubernetes.place import Place

PREFIX = 30
NODE_LINK = "node0"
"""The link as it is called on the node."""
BRIDGE = "cnik8s0"
METRIC = "4096"
"""Behind every route that is meant to be used."""


def barrier(place: Place) -> list[list[str]]:
    """Commands that keep packets for the cluster on the machine."""
    return [["ip", "route", "replace", "unreachable", str(one), "metric", METRIC] for one in place.ranges]


def without_barrier(place: Place) -> list[list[str]]:
    """Commands that undo `barrier`."""
    return [["ip", "route", "del", "unreachable", str(one), "metric", METRIC] for one in place.ranges]


def join(place: Place, pid: int) -> list[list[str]]:
    """Commands that join the network namespace of a process to the machine.

    Args:
        pid: the node's first process.
    """
    inside = ["nsenter", "--target", str(pid), "--net"]
    return [
        ["ip", "link", "add", place.link, "type", "veth", "peer", "name", NODE_LINK, "netns", str(pid)],
        [*inside, "ip", "address", "add", f"{place.node}/{PREFIX}", "dev", NODE_LINK],
        [*inside, "ip", "address", "add", f"{place.api_server}/32", "dev", "lo"],
        [*inside, "ip", "link", "set", NODE_LINK, "up"],
        ["ip", "address", "add", f"{place.machine}/{PREFIX}", "dev", place.link],
        ["ip", "link", "set", place.link, "up"],
        *(["ip", "route", "add", str(one), "via", place.node] for one in (place.services, place.pods)),
    ]


def part(place: Place) -> list[list[str]]:
    """Commands that undo `join`, both ends at once."""
    return [["ip", "link", "del", place.link]]


def check_ranges(place: Place, found: Iterable[dict[str, Any]] | None = None) -> None:
    """See that nothing on this machine uses the cluster's addresses already.

    Args:
        found: routes as `ip -json route show table all` gives them; None to ask.

    Raises:
        UnavailableError: something does; the message names it.
    """
    for route in routes() if found is None else found:
        for one in place.ranges:
            if overlaps(str(route.get("dst", "")), one):
                where = f" by way of {route['dev']}" if "dev" in route else ""
                raise UnavailableError(
                    f"the cluster needs the addresses {one}, and this machine has a route for {route['dst']}{where} "
                    "already; take that away, or use a cluster of your own through KUBECONFIG"
                )


def routes() -> list[dict[str, Any]]:
    """This machine's routes, as `ip` tells them."""
    return list(json.loads(output(["ip", "-4", "-json", "route", "show", "table", "all"]) or "[]"))


def overlaps(destination: str, network: ipaddress.IPv4Network) -> bool:
    """Whether a route's destination lies in a range; one that covers it, as a default route does, is not in its way."""
    try:
        found = ipaddress.ip_network(destination, strict=False)
    except ValueError:  # `default`
        return False
    return isinstance(found, ipaddress.IPv4Network) and found.subnet_of(network)

"""The configuration files of the node's programs, as text."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from sandbox.kubernetes.network import BRIDGE
from sandbox.kubernetes.place import Place

PAUSE_IMAGE = "localhost/metaflow-deploy/pause:1"
EVICTION = {
    "imagefs.available": "0%",
    "imagefs.inodesFree": "0%",
    "memory.available": "50Mi",
    "nodefs.available": "0%",
    "nodefs.inodesFree": "0%",
}
"""For want of memory alone: a full disk would have every image deleted, and none of them can be pulled again."""
CNI_PROGRAMS = "/usr/lib/cni"
"""Where Debian's containernetworking-plugins has them."""


def containerd(place: Place, *, snapshotter: str) -> str:
    """containerd's configuration, in the version that 1.6, 1.7 and 2 read."""
    data = place.data / "containerd"
    plugin = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""\
version = 2
root = "{data}"
state = "{place.run}/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
  address = "{place.containerd}"

[{plugin}]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"

[{plugin}.containerd]
  snapshotter = "{snapshotter}"
  default_runtime_name = "runc"

[{plugin}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[{plugin}.containerd.runtimes.runc.options]
  SystemdCgroup = false

[{plugin}.cni]
  bin_dir = "{CNI_PROGRAMS}"
  conf_dir = "{place.settings}/cni"
"""


def kubelet(place: Place, *, certificate: Path, key: Path, authority: Path) -> str:
    """The kubelet's configuration.

    The limits are those of a machine that somebody works on: its disk may be nearly full, it may have swap.
    """
    return yaml.safe_dump(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": place.node,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(authority)},
            },
            "authorization": {"mode": "Webhook"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{place.group}",
            "containerRuntimeEndpoint": f"unix://{place.containerd}",
            "enforceNodeAllocatable": [],
            "evictionHard": EVICTION,
            "failCgroupV1": False,
            "failSwapOn": False,
            "imageGCHighThresholdPercent": 100,  # never
            "podLogsDir": f"{place.data}/pod-logs",
            "resolvConf": f"{place.settings}/resolv.conf",
            "tlsCertFile": str(certificate),
            "tlsPrivateKeyFile": str(key),
            "volumePluginDir": f"{place.data}/volume-plugins",
        }
    )


def resolv_conf() -> str:
    """The pods' resolver: names are answered by nobody, at once."""
    return "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"


def cni(place: Place) -> str:
    """The pods' network: a bridge on the node, the first /24 of the range for it and its pods, no masquerading."""
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": str(next(place.pods.subnets(new_prefix=24)))}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": f"{place.run}/cni",
    }
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": ipam,
    }
    return json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge]}, indent=2)

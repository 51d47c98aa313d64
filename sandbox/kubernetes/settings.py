"""The configuration files of the node's programs, as text."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from sandbox.kubernetes.cgroups import NAME
from sandbox.kubernetes.network import BRIDGE, NODE, PODS
from sandbox.kubernetes.paths import Paths

PAUSE_IMAGE = "localhost/metaflow-deploy/pause:1"
CNI_PROGRAMS = "/usr/lib/cni"
"""Where Debian's containernetworking-plugins has them."""


def containerd(paths: Paths, *, snapshotter: str) -> str:
    """containerd's configuration, in the version that 1.6, 1.7 and 2 read."""
    data = paths.data / "containerd"
    plugin = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""\
version = 2
root = "{data}"
state = "{paths.run}/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
  address = "{paths.containerd}"

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
  conf_dir = "{paths.settings}/cni"
"""


def kubelet(paths: Paths, *, certificate: Path, key: Path, authority: Path) -> str:
    """The kubelet's configuration.

    The limits are those of a machine that somebody works on: its disk may be nearly full, it may have swap.
    """
    return yaml.safe_dump(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": NODE,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(authority)},
            },
            "authorization": {"mode": "Webhook"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{NAME}",
            "containerRuntimeEndpoint": f"unix://{paths.containerd}",
            "enforceNodeAllocatable": [],
            "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "50Mi"},
            "failCgroupV1": False,
            "failSwapOn": False,
            "imageGCHighThresholdPercent": 100,  # never: the images can't be pulled again
            "podLogsDir": f"{paths.data}/pod-logs",
            "resolvConf": f"{paths.settings}/resolv.conf",
            "tlsCertFile": str(certificate),
            "tlsPrivateKeyFile": str(key),
            "volumePluginDir": f"{paths.data}/volume-plugins",
        }
    )


def resolv_conf() -> str:
    """The pods' resolver: names are answered by nobody, at once."""
    return "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"


def cni(paths: Paths) -> str:
    """The pods' network: a bridge on the node, the first half of the range for its pods, no masquerading."""
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": str(next(PODS.subnets(new_prefix=24)))}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": f"{paths.run}/cni",
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

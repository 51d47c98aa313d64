"""Container images of one static program, written as the archives that containerd takes; no Docker is needed.

The layout is that of the OCI image specification (image-layout.md, manifest.md, config.md).
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""What Linux calls a machine, and what images call it."""


def write_image(archive: Path, *, name: str, program: Path, path: str, machine: str) -> None:
    """Write an image that holds one program and nothing else.

    Args:
        archive: the file to write.
        name: the image's full name, with registry and tag.
        program: a static binary.
        path: where it is in the image, without the leading slash; it is the entrypoint.
        machine: what `uname -m` says.
    """
    layer = _layer(program, path)
    blobs: dict[str, bytes] = {}
    config = _add(
        blobs,
        "application/vnd.oci.image.config.v1+json",
        _json(
            {
                "architecture": ARCHITECTURES.get(machine, machine),
                "os": "linux",
                "config": {"Entrypoint": [f"/{path}"], "Env": ["PATH=/bin"]},
                "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            }
        ),
    )
    layers = [_add(blobs, "application/vnd.oci.image.layer.v1.tar", layer)]
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = _add(blobs, kind, _json({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers}))
    manifest["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
    index = _json({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest]})
    with tarfile.open(archive, "w") as stream:
        _put(stream, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _put(stream, "index.json", index)
        for digest, content in blobs.items():
            _put(stream, f"blobs/{digest.replace(':', '/')}", content)


def _layer(program: Path, path: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as stream:
        parts: Sequence[Path] = list(reversed(Path(path).parents))[1:]
        for folder in (*(str(part) for part in parts), "tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            stream.addfile(entry)
        _put(stream, path, program.read_bytes(), mode=0o755)
    return buffer.getvalue()


def _put(stream: tarfile.TarFile, path: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    stream.addfile(entry, io.BytesIO(content))


def _add(blobs: dict[str, bytes], kind: str, content: bytes) -> dict[str, Any]:
    digest = _digest(content)
    blobs[digest] = content
    return {"mediaType": kind, "digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()

"""The images: the base that the Dockerfile starts from, and the one that act takes for `ubuntu-latest`."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from sandbox.docker.engine import Engine
from sandbox.docker.machine import UnavailableError, cache_folder, install, locked, logged, output

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RUNNER = "act-runner:local"
LABEL = "metaflow-deploy.recipe"
SUITE = "trixie"
PYTHON = "3.13"
PULL_LIMIT = 300  # seconds
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# What tells pip and uv where packages come from and whom to trust. The build of an action gets no arguments and no
# environment, from act as from GitHub's runner, so a base image that is made here carries what this machine needs.
INDEX_SETTINGS = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "PIP_CERT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "SSL_CERT_FILE",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_INDEX",
    "UV_INDEX_URL",
)
APT_SETTINGS = ("Acquire::http", "Acquire::https", "Acquire::Check-Valid-Until", "Acquire::Check-Date")


def base_name() -> str:
    """The image that the Dockerfile starts from."""
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("FROM "):
            return line.split()[1]
    raise UnavailableError("the Dockerfile has no FROM line")


def ensure_images(engine: Engine) -> None:
    """Have both images in the engine.

    Raises:
        UnavailableError: an image is neither there, nor can it be pulled, nor made; the message says why.
    """
    ensure_base(engine)
    logged(
        ["docker", "build", "--tag", RUNNER, "--file", str(HERE / "runner.Dockerfile"), str(HERE)],
        cache_folder() / "logs" / "runner-image.log",
        what=f"building {RUNNER}",
        env=engine.environ(),
    )


def ensure_base(engine: Engine) -> None:
    """Have the base image: the one that is there, else the one from its registry, else one made from Debian's packages.

    Raises:
        UnavailableError: none of the three; the message says why.
    """
    with locked(cache_folder() / "base-image.lock"):
        _ensure_base(engine)


def _ensure_base(engine: Engine) -> None:
    name = base_name()
    env = engine.environ()
    recipe = _recipe()
    made_of = output(
        ["docker", "image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}', name], env=env
    )
    if made_of is not None and made_of.strip() in (
        "",
        "<no value>",
        recipe,
    ):  # somebody's own, or ours and as it would be now
        return
    if output(["docker", "pull", "--quiet", name], env=env, timeout=PULL_LIMIT) is not None:
        return
    with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
        archive = _root_filesystem(Path(folder), recipe)
        changes = [
            "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
            *(f"ENV {key}={os.environ[key]}" for key in INDEX_SETTINGS if os.environ.get(key)),
            f"LABEL {LABEL}={recipe}",
            'CMD ["python3"]',
        ]
        logged(
            ["docker", "import", *(part for change in changes for part in ("--change", change)), str(archive), name],
            cache_folder() / "logs" / "base-image.log",
            what=f"importing {name}",
            env=env,
        )


def _recipe() -> str:
    """What a base image made here is made of: this file, and the machine's settings that go into it."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(_settings_files()):
        digest.update(path.read_bytes())
    for key in INDEX_SETTINGS:
        digest.update(f"{key}={os.environ.get(key, '')}".encode())
    return digest.hexdigest()[:12]


def _root_filesystem(scratch: Path, recipe: str) -> Path:
    """An archive of a Debian with Python and pip; kept, since making it takes most of a minute."""
    archive = cache_folder() / f"base-{SUITE}-{recipe}.tar.gz"
    if archive.exists():
        return archive
    if os.geteuid() != 0:
        raise UnavailableError(f"{base_name()} can't be pulled, and making it from Debian's packages takes root")
    if shutil.which("debootstrap") is None:
        install("debootstrap", log=cache_folder() / "logs" / "debootstrap-install.log")
    root = scratch / "root"
    logged(
        [
            "debootstrap",
            "--variant=minbase",
            "--include=ca-certificates,netbase,python3,python3-pip,tzdata",
            SUITE,
            str(root),
            _mirror(),
        ],
        cache_folder() / "logs" / "debootstrap.log",
        what="debootstrap",
    )
    _like_the_official_image(root)
    _as_this_machine(root)
    unfinished = scratch / "root.tar.gz"
    options = ["--create", "--numeric-owner", "--one-file-system", "--use-compress-program=gzip -1"]
    subprocess.run(["tar", *options, "--directory", str(root), "--file", str(unfinished), "."], check=True)
    for old in cache_folder().glob(f"base-{SUITE}-*.tar.gz"):
        old.unlink()
    return unfinished.rename(archive)


def _mirror() -> str:
    """The Debian mirror that this machine's apt is set up with."""
    form = ["--format", "$(SITE)", "Created-By: Packages", "Origin: Debian", "Label: Debian"]
    sites = (output(["apt-get", "indextargets", *form]) or "").split()
    if not sites:
        raise UnavailableError(
            f"{base_name()} can't be pulled, and apt has no Debian mirror to make it from (apt-get update, then again)"
        )
    return sites[0]


def _like_the_official_image(root: Path) -> None:
    """python, python3 and pip in /usr/local/bin, installing without --break-system-packages; no documentation."""
    binaries = root / "usr/local/bin"
    for name in ("python", "python3", f"python{PYTHON}"):
        (binaries / name).symlink_to(f"/usr/bin/python{PYTHON}")
    for name in ("pip", "pip3"):
        (binaries / name).symlink_to("/usr/bin/pip")
    (root / f"usr/lib/python{PYTHON}/EXTERNALLY-MANAGED").unlink()
    for folder in ("usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man", "var/cache/apt/archives"):
        for entry in (root / folder).iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _settings_files() -> set[Path]:
    """The certificates that this machine trusts, and the settings files of pip and uv."""
    named = {os.environ[key] for key in ("PIP_CERT", "SSL_CERT_FILE") if os.environ.get(key)}
    config = output(["pip", "config", "debug"]) or ""
    files = {
        CERTIFICATES,
        Path("/etc/uv/uv.toml"),
        *(Path(path) for path in named),
        *(Path(path) for path in re.findall(r"^\s+(/etc/\S+), exists: True$", config, re.MULTILINE)),
    }
    return {path for path in files if path.is_file()}


def _as_this_machine(root: Path) -> None:
    """Certificates and the settings of apt, pip and uv as this machine has them, at the same paths."""
    for path in _settings_files():
        copy = root / path.relative_to("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    lines = (output(["apt-config", "dump", *APT_SETTINGS]) or "").splitlines()
    settings = [line for line in lines if not line.endswith(' "";')]
    (root / "etc/apt/apt.conf.d/90machine").write_text("".join(f"{line}\n" for line in settings))

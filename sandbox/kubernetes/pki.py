"""The cluster's certificates and kubeconfigs: one authority, a certificate a component, a key for service accounts."""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=365)
CLOCK_MARGIN = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Whom a certificate is for.

    Attributes:
        user: the common name, which Kubernetes takes as the user.
        groups: the organisations, which it takes as the user's groups.
        hosts: names and addresses that a server with it answers to.
    """

    user: str
    groups: Sequence[str] = ()
    hosts: Sequence[str] = field(default=())


class Authority:
    """A certificate authority, made when it is first needed and only kept in its folder."""

    def __init__(self, folder: Path) -> None:
        """Args: folder: takes `ca.crt` and everything that is issued; made if it is not there."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "metaflow-deploy sandbox")])
        builder = _builder(self._name, self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_key_usage(certificates=True), critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self._certificate = builder.add_extension(identifier, critical=False).sign(self._key, hashes.SHA256())
        _write(self.certificate, self._certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def certificate(self) -> Path:
        """The authority's own certificate."""
        return self.folder / "ca.crt"

    def issue(self, name: str, subject: Subject) -> tuple[Path, Path]:
        """A certificate for clients and servers, and its key, as NAME.crt and NAME.key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in subject.groups]
        names.append(x509.NameAttribute(NameOID.COMMON_NAME, subject.user))
        builder = _builder(x509.Name(names), self._name, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage(certificates=False), critical=True)
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        if subject.hosts:
            hosts = [_general_name(host) for host in subject.hosts]
            builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        paths = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        _write(paths[0], certificate.public_bytes(serialization.Encoding.PEM))
        _write(paths[1], _private(key))
        return paths

    def key_pair(self, name: str) -> tuple[Path, Path]:
        """A key with its public half, as NAME.key and NAME.pub: what service account tokens are signed with."""
        key = ec.generate_private_key(ec.SECP256R1())
        paths = self.folder / f"{name}.key", self.folder / f"{name}.pub"
        _write(paths[0], _private(key))
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        _write(paths[1], public)
        return paths

    def kubeconfig(self, name: str, subject: Subject, server: str, *, namespace: str = "default") -> Path:
        """Issue a certificate and write a kubeconfig with it, as NAME.kubeconfig; JSON, which is YAML too."""
        certificate, key = self.issue(name, subject)
        document = kubeconfig(
            server,
            certificate_authority=self.certificate.read_bytes(),
            user={"client-certificate-data": _base64(certificate), "client-key-data": _base64(key)},
            namespace=namespace,
        )
        path = self.folder / f"{name}.kubeconfig"
        _write(path, document.encode())
        return path


def kubeconfig(
    server: str,
    *,
    certificate_authority: bytes | None,
    user: dict[str, str],
    namespace: str = "default",
    verify: bool = True,
) -> str:
    """A kubeconfig, as JSON.

    Args:
        server: the API server's URL.
        certificate_authority: in PEM; None for those that this machine trusts.
        user: the user's entry: a token, or a certificate with its key.
        namespace: of the context.
        verify: whether the server's certificate is checked.
    """
    cluster: dict[str, object] = {"server": server}
    if certificate_authority is not None:
        cluster["certificate-authority-data"] = base64.b64encode(certificate_authority).decode()
    if not verify:
        cluster["insecure-skip-tls-verify"] = True
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": cluster}],
        "users": [{"name": "sandbox", "user": user}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "sandbox", "namespace": namespace}}],
        "current-context": "sandbox",
    }
    return json.dumps(document, indent=2) + "\n"


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_MARGIN)
        .not_valid_after(now + LIFETIME)
    )


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)

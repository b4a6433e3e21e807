"""The cluster's certificates: two authorities, and for each component an identity of its own.

Users and groups are those that Kubernetes' default role bindings name (kubernetes.io, "PKI certificates and
requirements"); etcd has an authority of its own, so that no other identity opens it.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from workbench.records.folder import dump_json

VALID: Final = datetime.timedelta(days=365)  # a throwaway cluster lives for hours
BACKDATED: Final = datetime.timedelta(minutes=5)


@dataclass(frozen=True)
class Identity:
    """A key with its certificate, both PEM."""

    certificate: bytes
    key: bytes

    def write(self, folder: Path, name: str) -> None:
        """Write <name>.crt and <name>.key, the key for its owner alone."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.crt").write_bytes(self.certificate)
        write_secret(folder / f"{name}.key", self.key)


class Authority:
    """Signs certificates; its own is self-signed."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(self._subject, self._subject, self._key.public_key())
        usage = x509.KeyUsage(True, False, True, False, False, True, True, False, False)
        self._certificate = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def certificate(self) -> bytes:
        """Return the authority's certificate (PEM)."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, user: str, groups: Sequence[str] = (), serves: Sequence[str] = ()) -> Identity:
        """Return an identity of `user` in `groups`; `serves` lists the names and addresses it answers at."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject = x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, user)])
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if serves else [])]
        builder = _builder(subject, self._subject, key.public_key())
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if serves:
            builder = builder.add_extension(x509.SubjectAlternativeName([_name(one) for one in serves]), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Identity(certificate.public_bytes(serialization.Encoding.PEM), private_pem(key))


def signing_keys() -> tuple[bytes, bytes]:
    """Return a private and a public key (PEM) that sign and check service accounts' tokens."""
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private_pem(key), key.public_key().public_bytes(serialization.Encoding.PEM, form)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as PEM (PKCS #8, as Kafka wants it), not encrypted."""
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def kubeconfig(server: str, authority: Authority, identity: Identity, cluster: str) -> bytes:
    """Return a kubeconfig file that carries its certificates.

    It is JSON: in YAML a cluster with a name such as 12e345 would be a number to its readers, and refused.
    """

    def packed(pem: bytes) -> str:
        return base64.b64encode(pem).decode()

    user = {"client-certificate-data": packed(identity.certificate), "client-key-data": packed(identity.key)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": cluster,
                "cluster": {"server": server, "certificate-authority-data": packed(authority.certificate)},
            }
        ],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": "user"}}],
        "current-context": cluster,
    }
    return dump_json(content)


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + VALID)
    )


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)

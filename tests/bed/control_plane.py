"""How each part of a cluster is started."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.bed.stages import stages

SERVER = "https://127.0.0.1:6443"
ETCD = "http://127.0.0.1:2379"
KUBELET = 10247
_SERVICES = "10.96.0.0/16"
_PODS = "10.244.0.0/16"
PEOPLE = {
    "admin": "system:masters",
    "upgrader": "system:masters",
    "foreigner": "system:masters",
    "limited": "limited",
}
"""User to group. The tool's own user is apart, so that the audit log says whose each write was."""
POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


@dataclass(frozen=True)
class Files:
    """The files of one cluster, all in one folder.

    Attributes:
        tokens: By user.
    """

    folder: Path
    tokens: dict[str, str]

    @classmethod
    def prepare(cls, folder: Path) -> Files:
        """Write keys, tokens, policies and stages."""
        made = cls(folder, {user: secrets.token_hex(16) for user in PEOPLE})
        rows = [f'{token},{user},{user},"{PEOPLE[user]}"' for user, token in made.tokens.items()]
        (folder / "tokens.csv").write_text("\n".join(rows) + "\n")
        (folder / "accounts.key").write_bytes(_signing_key())
        (folder / "policy.json").write_text(json.dumps(POLICY))
        (folder / "stages.yaml").write_text(stages())
        return made

    def kubeconfig(self, user: str, *, token: str = "") -> Path:
        """A kubeconfig for *user*, or for whom *token* stands; that of one of ``PEOPLE`` is written once, for others read it."""
        path = self.folder / f"{user}.kubeconfig"
        if path.exists() and not token:
            return path
        cluster = {"server": SERVER, "certificate-authority": str(self.folder / "certificates/apiserver.crt")}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "bed", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token or self.tokens[user]}}],
            "contexts": [{"name": "bed", "context": {"cluster": "bed", "user": user}}],
            "current-context": "bed",
        }
        path.write_text(yaml.safe_dump(content))
        return path

    @property
    def audit(self) -> Path:
        """The API server's audit log, JSON lines."""
        return self.folder / "audit.log"


def _signing_key() -> bytes:
    """For tokens of service accounts; PEM. Imported here, for whoever only collects tests has no need of the package."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))


def etcd(folder: Path) -> list[str]:
    """Arguments; nothing is kept, so nothing is synced."""
    return [
        *(f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync", "--log-level=error"),
        *(f"--listen-client-urls={ETCD}", f"--advertise-client-urls={ETCD}"),
        "--listen-peer-urls=http://127.0.0.1:2380",
    ]


def apiserver(folder: Path) -> list[str]:
    """Arguments. Webhooks are called at the addresses of endpoints, for there is no kube-proxy."""
    key = folder / "accounts.key"
    return [
        *(f"--etcd-servers={ETCD}", "--bind-address=127.0.0.1", "--secure-port=6443"),
        *(f"--cert-dir={folder / 'certificates'}", f"--token-auth-file={folder / 'tokens.csv'}"),
        *("--authorization-mode=RBAC", "--allow-privileged", "--advertise-address=10.0.0.10"),
        *("--endpoint-reconciler-type=none", "--enable-aggregator-routing=true"),
        *("--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={key}"),
        *(f"--service-account-signing-key-file={key}", f"--service-cluster-ip-range={_SERVICES}"),
        *(f"--audit-policy-file={folder / 'policy.json'}", f"--audit-log-path={folder / 'audit.log'}"),
        *("--kubelet-preferred-address-types=InternalIP", "--max-requests-inflight=2000"),
    ]


def controller_manager(folder: Path, kubeconfig: Path) -> list[str]:
    """Arguments. The node lifecycle controller stays: it takes the not-ready taint away."""
    return [
        *(f"--kubeconfig={kubeconfig}", "--controllers=*,-nodeipam,-cloud-node-lifecycle-controller"),
        *("--leader-elect=false", "--use-service-account-credentials=false", "--bind-address=127.0.0.1"),
        *(f"--service-account-private-key-file={folder / 'accounts.key'}", "--kube-api-qps=500"),
        *(f"--root-ca-file={folder / 'certificates/apiserver.crt'}", "--kube-api-burst=1000"),
        "--concurrent-deployment-syncs=20",
    ]


def scheduler(kubeconfig: Path) -> list[str]:
    """Arguments."""
    return [
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    ]


def kwok(folder: Path, kubeconfig: Path) -> list[str]:
    """Arguments."""
    return [
        *("--manage-all-nodes=true", f"--cidr={_PODS}", "--node-ip=127.0.0.1", f"--node-port={KUBELET}"),
        *(
            f"--kubeconfig={kubeconfig}",
            f"--config={folder / 'stages.yaml'}",
            "--node-lease-duration-seconds=40",
        ),
        *(f"--server-address=127.0.0.1:{KUBELET}", "--enable-crds=PortForward"),
    ]

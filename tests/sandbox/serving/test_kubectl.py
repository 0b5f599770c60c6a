"""kubectl itself, whatever versions of it are on this machine, against a served shop."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.serving.kubeconfig import write_kubeconfig
from upgrader.sandbox.serving.life import Life
from upgrader.sandbox.serving.server import Server
from upgrader.sandbox.world import World

KUBECTL = shutil.which("kubectl")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed: nobody to ask"),
]


def others() -> list[Path]:
    """Further kubectls that lie beside the one on the path, as kubectl.1.30 and the like."""
    if KUBECTL is None:
        return []
    found = Path(KUBECTL).resolve().parent.glob("kubectl.1.*")
    return sorted(
        (path for path in found if re.fullmatch(r"kubectl\.1\.\d+", path.name)), key=lambda path: path.name
    )


@dataclass(frozen=True)
class Kubectl:
    """A kubectl with its configuration; calling it answers what it printed."""

    home: Path
    program: str

    @property
    def env(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "KUBECONFIG": str(self.home / "config")}

    def __call__(self, *words: str, stdin: str = "", fails: bool = False) -> str:
        done = subprocess.run(
            [self.program, *words],
            input=stdin,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0) is fails, f"kubectl {' '.join(words)}: {said}"
        return said


@pytest.fixture(scope="module")
def world() -> World:
    world = World(kubernetes="1.33")
    load(world, "shop")
    return world


@pytest.fixture(scope="module")
def kubectl(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    home = tmp_path_factory.mktemp("kubectl")
    with Server(world) as server:
        write_kubeconfig(home / "config", server.url)
        with Life(world, speed=30):
            yield Kubectl(home, KUBECTL or "")


@pytest.fixture
def space(kubectl: Kubectl, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace for one test alone."""
    name = "t-" + re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[-50:]
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def table(text: str) -> list[dict[str, str]]:
    """Rows of a printed table by column; columns are two spaces apart."""
    head, *rows = text.splitlines()
    starts = [found.start() for found in re.finditer(r"(?<!\S)\S+(?: \S+)*", head)]
    bounds = list(zip(starts, [*starts[1:], None], strict=True))
    return [{head[a:b].strip(): row[a:b].strip() for a, b in bounds} for row in rows]


WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web:1
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
      - {name: helper, image: helper:1}
"""


def test_pods_are_listed_with_their_sidecars(kubectl: Kubectl) -> None:
    rows = table(kubectl("get", "pods", "-A"))
    shop = [row for row in rows if row["NAMESPACE"] == "shop"]
    assert len(shop) == 12
    assert {(row["READY"], row["STATUS"], row["RESTARTS"]) for row in shop} == {("2/2", "Running", "0")}
    assert all(re.fullmatch(r"[\dydhms]+", row["AGE"]) for row in rows)


def test_wide_output_knows_addresses_and_nodes(kubectl: Kubectl) -> None:
    rows = table(kubectl("get", "pods", "-n", "shop", "-o", "wide"))
    assert all(re.fullmatch(r"[\d.]+", row["IP"]) for row in rows)
    assert all(row["NODE"].startswith("node-") for row in rows)


def test_a_pod_is_described_with_its_containers_and_events(kubectl: Kubectl) -> None:
    name = kubectl("get", "pods", "-n", "shop", "-l", "app=cart", "-o", "jsonpath={.items[0].metadata.name}")
    text = kubectl("describe", "pod", name, "-n", "shop")
    assert "istio-proxy:" in text
    assert re.search(r"Controlled By: +ReplicaSet/cart-", text)
    assert re.search(r"Ready +True", text)


def test_a_deployment_is_described_with_its_counts(kubectl: Kubectl) -> None:
    text = kubectl("describe", "deployment", "frontend", "-n", "shop")
    assert "3 desired | 3 updated | 3 total | 3 available | 0 unavailable" in text
    assert re.search(r"NewReplicaSet: +frontend-\w+ \(3/3 replicas created\)", text)


def test_labels_and_annotations_are_set_and_taken_away(kubectl: Kubectl, space: str) -> None:
    kubectl("label", "namespace", space, "istio.io/rev=a")
    assert "--overwrite" in kubectl("label", "namespace", space, "istio.io/rev=b", fails=True)
    kubectl("label", "namespace", space, "istio.io/rev=b", "--overwrite")
    kubectl("annotate", "namespace", space, "note=x")
    assert kubectl("get", "namespace", space, "-o", r"jsonpath={.metadata.labels.istio\.io/rev}") == "b"
    kubectl("label", "namespace", space, "istio.io/rev-")
    assert "istio.io/rev" not in kubectl("get", "namespace", space, "-o", "yaml")


def test_a_rollout_is_restarted_watched_told_and_undone(kubectl: Kubectl, space: str) -> None:
    kubectl("apply", "-n", space, "-f", "-", stdin=WEB)
    kubectl("rollout", "status", "deployment/web", "-n", space)
    kubectl("set", "image", "deployment/web", "web=web:2", "-n", space)
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "-n", space)
    kubectl("rollout", "restart", "deployment/web", "-n", space)
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "-n", space)
    assert re.findall(
        r"^(\d+) ", kubectl("rollout", "history", "deployment/web", "-n", space), re.MULTILINE
    ) == ["1", "2", "3"]
    kubectl("rollout", "undo", "deployment/web", "--to-revision=1", "-n", space)
    kubectl("rollout", "status", "deployment/web", "-n", space)
    assert (
        kubectl("get", "deployment", "web", "-n", space, "-o", "jsonpath={..containers[0].image}") == "web:1"
    )


def test_an_apply_removes_what_the_file_no_longer_says(kubectl: Kubectl, space: str) -> None:
    assert "created" in kubectl("apply", "-n", space, "-f", "-", stdin=WEB)
    kubectl("label", "deployment", "web", "-n", space, "by=hand")
    assert "unchanged" in kubectl("apply", "-n", space, "-f", "-", stdin=WEB)
    less = WEB.replace('{name: A, value: "1"}, ', "").replace("      - {name: helper, image: helper:1}\n", "")
    assert "configured" in kubectl("apply", "-n", space, "-f", "-", stdin=less)
    words = kubectl(
        "get",
        "deployment",
        "web",
        "-n",
        space,
        "-o",
        "jsonpath={..containers[*].name} {..env[*].name} {.metadata.labels.by}",
    )
    assert words == "web B hand"


def test_a_misspelt_field_is_refused_by_the_server(kubectl: Kubectl, space: str) -> None:
    said = kubectl("apply", "-n", space, "-f", "-", stdin=WEB.replace("replicas", "replikas"), fails=True)
    assert 'unknown field "spec.replikas"' in said


def test_a_misspelt_field_is_dropped_with_a_warning_for_who_wants_that(kubectl: Kubectl, space: str) -> None:
    words = ("apply", "--validate=warn", "-n", space, "-f", "-")
    said = kubectl(*words, stdin=WEB.replace("replicas", "replikas"))
    assert 'Warning: unknown field "spec.replikas"' in said
    assert "replikas" not in kubectl("get", "deployment", "web", "-n", space, "-o", "jsonpath={.spec}")


def test_server_side_apply_goes_on_where_client_side_apply_left_off(kubectl: Kubectl, space: str) -> None:
    kubectl("apply", "-n", space, "-f", "-", stdin=WEB)
    less = WEB.replace("      - {name: helper, image: helper:1}\n", "").replace("replicas: 2", "replicas: 3")
    kubectl("apply", "--server-side", "-n", space, "-f", "-", stdin=less)
    words = "jsonpath={..containers[*].name} {.spec.replicas}"
    assert kubectl("get", "deployment", "web", "-n", space, "-o", words) == "web 3"


def test_a_token_of_a_service_account_opens_the_door(kubectl: Kubectl, world: World, space: str) -> None:
    token = kubectl("create", "token", "default", "-n", space, "--duration=1h").strip()
    user = world.api.rbac.user_of(token, world.clock.now())
    assert user == f"system:serviceaccount:{space}:default"


def test_server_side_apply_minds_other_owners(kubectl: Kubectl, space: str) -> None:
    kubectl("apply", "--server-side", "--field-manager=one", "-n", space, "-f", "-", stdin=WEB)
    two = ("apply", "--server-side", "--field-manager=two", "-n", space, "-f", "-")
    other = WEB.replace("replicas: 2", "replicas: 1")
    assert ".spec.replicas" in kubectl(*two, stdin=other, fails=True)
    kubectl(*two, "--force-conflicts", stdin=other)
    assert kubectl("get", "deployment", "web", "-n", space, "-o", "jsonpath={.spec.replicas}") == "1"


def test_a_dry_run_changes_nothing(kubectl: Kubectl, space: str) -> None:
    assert "server dry run" in kubectl("apply", "--dry-run=server", "-n", space, "-f", "-", stdin=WEB)
    assert "NotFound" in kubectl("get", "deployment", "web", "-n", space, fails=True)
    assert "+kind: Deployment" in kubectl("diff", "-n", space, "-f", "-", stdin=WEB, fails=True)


def test_scaling_is_followed_by_pods_and_deleting_by_none(kubectl: Kubectl, space: str) -> None:
    kubectl("apply", "-n", space, "-f", "-", stdin=WEB)
    kubectl("scale", "deployment/web", "--replicas=3", "-n", space)
    kubectl("wait", "deployment/web", "--for=jsonpath={.status.readyReplicas}=3", "-n", space)
    kubectl("wait", "pods", "-l", "app=web", "--for=condition=Ready", "-n", space)
    kubectl("delete", "deployment", "web", "-n", space, "--cascade=foreground")
    assert "No resources found" in kubectl("get", "pods", "-n", space)


def test_a_namespace_takes_its_objects_along(kubectl: Kubectl) -> None:
    kubectl("create", "namespace", "short-lived")
    kubectl("create", "configmap", "c", "--from-literal=a=b", "-n", "short-lived")
    kubectl("delete", "namespace", "short-lived")
    assert "NotFound" in kubectl("get", "configmap", "c", "-n", "short-lived", fails=True)


def test_permissions_are_told(kubectl: Kubectl, world: World) -> None:
    world.api.rbac.deny("bob", verbs=("create",), resources=("deployments",))
    assert kubectl("auth", "can-i", "delete", "pods", "-n", "shop").strip() == "yes"
    assert kubectl("auth", "can-i", "create", "deployments", "--as", "bob", fails=True).startswith("no")
    assert re.search(r"Username +admin", kubectl("auth", "whoami"))
    assert "Resources" in kubectl("auth", "can-i", "--list")
    listed = kubectl("auth", "can-i", "--list", "--as", "bob")
    assert re.search(r"^deployments\.apps +\[\] +\[\] +\[delete deletecollection get", listed, re.MULTILINE)
    refused = kubectl("create", "deployment", "x", "--image=x", "--as", "bob", fails=True)
    assert 'User "bob" cannot create resource "deployments"' in refused


def test_what_is_served_is_told(kubectl: Kubectl) -> None:
    assert {"apps/v1", "networking.istio.io/v1", "v1"} <= set(kubectl("api-versions").split())
    rows = {row["NAME"]: row for row in table(kubectl("api-resources"))}
    assert (rows["virtualservices"]["SHORTNAMES"], rows["virtualservices"]["NAMESPACED"]) == ("vs", "true")
    assert "Server Version: v1.33" in kubectl("version")
    assert kubectl("get", "--raw", "/readyz") == "ok"
    assert '"gitVersion":"v1.33' in kubectl("get", "--raw", "/version")


def test_istio_resources_are_shown_by_their_short_names(kubectl: Kubectl) -> None:
    rows = {row["NAME"]: row for row in table(kubectl("get", "vs", "-n", "shop"))}
    assert rows.keys() == {"shop", "catalog"}
    assert rows["shop"].keys() == {"NAME", "GATEWAYS", "HOSTS", "AGE"}
    assert rows["shop"]["HOSTS"].startswith("[")
    assert table(kubectl("get", "gateways.networking.istio.io", "-A"))[0].keys() == {
        "NAMESPACE",
        "NAME",
        "AGE",
    }


def test_fields_are_explained(kubectl: Kubectl) -> None:
    assert re.search(
        r"rollingUpdate\s+<RollingUpdateDeployment>", kubectl("explain", "deployment.spec.strategy")
    )
    assert re.search(
        r"mutatingwebhook|webhooks\s+<\[\]MutatingWebhook>",
        kubectl("explain", "mutatingwebhookconfiguration"),
    )
    assert "VirtualService" in kubectl("explain", "virtualservices.networking.istio.io")


def test_a_watch_tells_what_happens_until_it_is_told_to_stop(kubectl: Kubectl, space: str) -> None:
    kubectl("create", "secret", "generic", "first", "--from-literal=a=b", "-n", space)
    words = [kubectl.program, "get", "secrets", "-w", "-n", space]
    with subprocess.Popen(words, env=kubectl.env, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        head, first = watching.stdout.readline(), watching.stdout.readline()
        kubectl("create", "secret", "generic", "second", "--from-literal=a=b", "-n", space)
        second = watching.stdout.readline()
        watching.terminate()
    assert head.split() == ["NAME", "TYPE", "DATA", "AGE"]
    assert (first.split()[0], second.split()[0]) == ("first", "second")


@pytest.mark.parametrize(
    "words",
    [
        ("configmap", "x", "--from-literal=a=b"),
        ("secret", "generic", "x", "--from-literal=a=b"),
        ("serviceaccount", "x"),
        ("role", "x", "--verb=get", "--resource=pods"),
        ("rolebinding", "x", "--role=x", "--serviceaccount=default:x"),
        ("deployment", "x", "--image=x"),
        ("job", "x", "--image=x"),
        ("cronjob", "x", "--image=x", "--schedule=@daily"),
        ("pdb", "x", "--selector=app=x", "--min-available=1"),
        ("service", "clusterip", "x", "--tcp=80"),
        ("ingress", "x", "--rule=a.example.com/=x:80"),
        ("quota", "x", "--hard=pods=3"),
    ],
    ids=lambda words: words[0],
)
def test_typed_objects_are_created(kubectl: Kubectl, space: str, words: tuple[str, ...]) -> None:
    assert kubectl("create", *words, "-n", space).strip().endswith("created")
    kind = words[0] if words[0] != "quota" else "resourcequota"
    assert kubectl("get", kind, "x", "-n", space, "-o", "name").strip().endswith("/x")


def test_a_node_is_drained_and_taken_back(kubectl: Kubectl) -> None:
    nodes = kubectl("get", "nodes", "-o", "name").split()
    node = nodes[-1].removeprefix("node/")
    kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=50s")
    rows = {row["NAME"]: row["STATUS"] for row in table(kubectl("get", "nodes"))}
    assert rows[node] == "Ready,SchedulingDisabled"
    left = table(
        kubectl(
            "get", "pods", "-A", "-o", "wide", f"--field-selector=spec.nodeName={node},status.phase=Running"
        )
    )
    assert {row["NAME"].rsplit("-", 1)[0] for row in left} <= {"log-agent", "kube-proxy"}
    kubectl("uncordon", node)


def test_logs_are_answered_or_politely_refused(kubectl: Kubectl) -> None:
    kubectl("logs", "deployment/cart", "-n", "shop", "-c", "istio-proxy")


@pytest.mark.parametrize("program", others(), ids=lambda path: path.name)
def test_every_version_of_kubectl_gets_along(kubectl: Kubectl, space: str, program: Path) -> None:
    this = replace(kubectl, program=str(program))
    assert "created" in this("apply", "-n", space, "-f", "-", stdin=WEB)
    assert "configured" in this("apply", "-n", space, "-f", "-", stdin=WEB.replace("web:1", "web:2"))
    this("apply", "--server-side", "--force-conflicts", "-n", space, "-f", "-", stdin=WEB)
    this("rollout", "status", "deployment/web", "-n", space)
    assert len(table(this("get", "pods", "-n", space))) >= 2
    assert "Containers:" in this("describe", "deployment", "web", "-n", space)
    assert "FIELD" in this("explain", "deployment.spec.template")
    assert this("auth", "can-i", "list", "pods").strip() == "yes"
    this("delete", "deployment", "web", "-n", space)


@pytest.mark.parametrize("minor", ["1.19", "1.21", "1.24", "1.26", "1.29", "1.34"])
def test_servers_of_every_age_get_along_with_kubectl(tmp_path: Path, minor: str) -> None:
    world = World(kubernetes=minor)
    with Server(world) as server, Life(world, speed=30):
        write_kubeconfig(tmp_path / "config", server.url)
        for program in [KUBECTL or "", *map(str, others()[:1])]:
            kubectl = Kubectl(tmp_path, program)
            kubectl("create", "namespace", "shop")
            assert "created" in kubectl("apply", "-n", "shop", "-f", "-", stdin=WEB)
            assert "configured" in kubectl(
                "apply", "-n", "shop", "-f", "-", stdin=WEB.replace("web:1", "web:2")
            )
            assert "unknown field" in kubectl(
                "apply", "-n", "shop", "-f", "-", stdin=WEB.replace("image", "imago"), fails=True
            )
            assert "web" in kubectl("get", "deployments,replicasets", "-n", "shop")
            assert "strategy" in kubectl("explain", "deployment.spec")
            kubectl("delete", "namespace", "shop")

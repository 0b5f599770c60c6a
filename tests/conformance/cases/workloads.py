"""Controllers: rollouts that are paused, partitioned, stuck or done, with nobody but the case making pods ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.case import Obj, Talk, case

_READY: Obj = {
    "status": {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}],
    }
}
_REVISION = "deployment.kubernetes.io/revision"
_COUNTS = (
    "observedGeneration",
    "replicas",
    "readyReplicas",
    "updatedReplicas",
    "availableReplicas",
    "unavailableReplicas",
)


def _pod(image: str = "i:1") -> Obj:
    return {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "m", "image": image}]},
    }


def _spec(replicas: int, **more: Any) -> Obj:
    return {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}}, "template": _pod(), **more}


def _counts(body: Obj) -> Any:
    return {name: body["status"][name] for name in _COUNTS if name in body["status"]}


def _holding(**counts: int) -> Callable[[Any], bool]:
    """Whether a status has these counts at the newest generation; zero counts are left out of a status."""

    def holds(body: Any) -> bool:
        status = body["status"]
        if status.get("observedGeneration") != body["metadata"]["generation"]:
            return False
        return all(status.get(name, 0) == count for name, count in counts.items())

    return holds


def _numbered(number: str) -> Callable[[Any], bool]:
    """Whether a Deployment is at this revision of its own count."""
    return lambda body: bool(body["metadata"]["annotations"][_REVISION] == number)


def _list(api: Talk, kind: str, count: int) -> list[Obj]:
    found: list[Obj] = api.until(
        lambda body: len(body["items"]) == count, kind, quiet=True, labelSelector="a=b"
    )["items"]
    return found


def _ready(api: Talk, count: int, image: str = "i:1") -> None:
    """Make the pods of this image ready once there are so many."""

    def mine(body: Any) -> list[Obj]:
        return [each for each in body["items"] if each["spec"]["containers"][0]["image"] == image]

    body = api.until(lambda body: len(mine(body)) == count, "pods", quiet=True, labelSelector="a=b")
    for each in mine(body):
        api.patch(f"pods/{each['metadata']['name']}/status", _READY, quiet=True)


def _image(image: str) -> Obj:
    return {"spec": {"template": {"spec": {"containers": [{"name": "m", "image": image}]}}}}


@case
def a_deployment_reports_what_it_has(api: Talk) -> None:
    api.made("deployments", {"metadata": {"name": "d"}, "spec": _spec(2)})
    api.until(_holding(replicas=2, updatedReplicas=2, unavailableReplicas=2), "deployments/d", only=_counts)
    _ready(api, 2)

    def conditions(body: Obj) -> Any:
        return _counts(body), sorted(
            (each["type"], each["status"], each["reason"], each["message"])
            for each in body["status"]["conditions"]
        )

    def done(body: Obj) -> bool:
        progress = next(each for each in body["status"]["conditions"] if each["type"] == "Progressing")
        return _holding(availableReplicas=2)(body) and progress["reason"] == "NewReplicaSetAvailable"

    api.until(done, "deployments/d", only=conditions)


@case
def a_deployment_owns_its_replicaset_and_that_its_pods(api: Talk) -> None:
    api.made("deployments", {"metadata": {"name": "d"}, "spec": _spec(1)})

    def owned(body: Obj) -> Any:
        each = body["items"][0]
        meta = each["metadata"]
        return (
            meta["name"] if "generateName" not in meta else "",
            meta["labels"],
            meta["ownerReferences"],
            meta.get("annotations"),
            meta.get("generateName"),
        )

    api.get("deployments/d", only=lambda body: body["metadata"]["uid"])
    api.until(lambda body: body["items"], "replicasets", only=owned)
    api.get("replicasets", only=lambda body: body["items"][0]["metadata"]["uid"])
    api.until(lambda body: body["items"], "pods", only=owned)
    api.get("replicasets", only=lambda body: body["items"][0]["spec"])


@case
def a_paused_deployment_rolls_nothing_until_it_is_resumed(api: Talk) -> None:
    api.made("deployments", {"metadata": {"name": "d"}, "spec": _spec(1)})
    _ready(api, 1)
    api.until(_holding(availableReplicas=1), "deployments/d", only=_counts)
    api.patch("deployments/d", {"spec": {"paused": True}}, quiet=True)
    api.patch("deployments/d", _image("i:2"), quiet=True)

    def pick(body: Obj) -> Any:
        return _counts(body), [
            (each["type"], each["status"], each["reason"])
            for each in body["status"]["conditions"]
            if each["type"] == "Progressing"
        ]

    api.until(
        lambda body: _holding(replicas=1)(body) and pick(body)[1][0][2] == "DeploymentPaused",
        "deployments/d",
        only=pick,
    )
    api.get("replicasets", only=lambda body: len(body["items"]))
    api.patch("deployments/d", {"spec": {"replicas": 2}}, quiet=True)
    api.until(_holding(replicas=2), "deployments/d", only=_counts)
    api.patch("deployments/d", {"spec": {"paused": None}}, quiet=True)
    api.until(lambda body: len(body["items"]) == 2, "replicasets", only=lambda body: len(body["items"]))


@case
def a_rolling_update_keeps_within_surge_and_unavailable(api: Talk) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    api.made("deployments", {"metadata": {"name": "d"}, "spec": _spec(2, strategy=rolling)})
    _ready(api, 2)
    api.until(_holding(availableReplicas=2), "deployments/d", only=_counts)
    api.patch("deployments/d", _image("i:2"), quiet=True)
    api.until(_holding(replicas=3, updatedReplicas=1, availableReplicas=2), "deployments/d", only=_counts)
    _ready(api, 1, "i:2")
    api.until(_holding(replicas=3, updatedReplicas=2), "deployments/d", only=_counts)
    _ready(api, 2, "i:2")
    api.until(_holding(replicas=2, updatedReplicas=2, availableReplicas=2), "deployments/d", only=_counts)
    api.get(
        "replicasets",
        only=lambda body: sorted(
            (each["metadata"]["annotations"]["deployment.kubernetes.io/revision"], each["spec"]["replicas"])
            for each in body["items"]
        ),
    )


@case
def recreate_ends_the_old_before_it_begins_the_new(api: Talk) -> None:
    api.made("deployments", {"metadata": {"name": "d"}, "spec": _spec(1, strategy={"type": "Recreate"})})
    [pod] = _list(api, "pods", 1)
    _ready(api, 1)
    api.until(_holding(availableReplicas=1), "deployments/d", only=_counts)
    api.patch(
        f"pods/{pod['metadata']['name']}", {"metadata": {"finalizers": ["example.com/hold"]}}, quiet=True
    )
    api.patch("deployments/d", _image("i:2"), quiet=True)
    api.until(
        lambda body: body["metadata"]["deletionTimestamp"], f"pods/{pod['metadata']['name']}", quiet=True
    )
    api.patch(f"pods/{pod['metadata']['name']}", {"metadata": {"finalizers": None}}, quiet=True)
    api.until(
        lambda body: [each["spec"]["containers"][0]["image"] for each in body["items"]] == ["i:2"],
        "pods",
        only=lambda body: len(body["items"]),
    )


@case
def a_rollout_that_does_not_progress_says_so(api: Talk) -> None:
    api.made("deployments", {"metadata": {"name": "d"}, "spec": _spec(1, progressDeadlineSeconds=1)})

    def progress(body: Obj) -> Any:
        return [
            (each["status"], each["reason"], each["message"])
            for each in body["status"]["conditions"]
            if each["type"] == "Progressing"
        ]

    api.until(lambda body: progress(body)[0][1] == "ProgressDeadlineExceeded", "deployments/d", only=progress)


@case
def a_template_that_was_before_gets_its_replicaset_back(api: Talk) -> None:
    api.made("deployments", {"metadata": {"name": "d"}, "spec": _spec(0)})
    revision = _REVISION
    for image, number in (("i:2", "2"), ("i:1", "3")):
        api.until(_holding(replicas=0), "deployments/d", quiet=True)
        api.patch("deployments/d", _image(image), quiet=True)
        api.until(
            _numbered(number),
            "deployments/d",
            only=lambda body: body["metadata"]["annotations"],
        )
    api.until(
        lambda body: len(body["items"]) == 2,
        "replicasets",
        only=lambda body: sorted(each["metadata"]["annotations"][revision] for each in body["items"]),
    )


@case
def deleting_a_deployment_takes_its_pods_along(api: Talk) -> None:
    api.made("deployments", {"metadata": {"name": "d"}, "spec": _spec(1)})
    _list(api, "pods", 1)
    api.delete("deployments/d", only=lambda body: (body["kind"], body["status"]))
    api.until(lambda body: not body["items"], "pods", only=lambda body: len(body["items"]))
    api.until(lambda body: not body["items"], "replicasets", only=lambda body: len(body["items"]))


@case
def a_deployment_deleted_in_the_foreground_goes_last(api: Talk) -> None:
    api.made("deployments", {"metadata": {"name": "d"}, "spec": _spec(1)})
    [pod] = _list(api, "pods", 1)
    name = pod["metadata"]["name"]
    api.patch(f"pods/{name}", {"metadata": {"finalizers": ["example.com/hold"]}}, quiet=True)
    api.delete(
        "deployments/d",
        {"propagationPolicy": "Foreground"},
        only=lambda body: (body["kind"], body["metadata"]["finalizers"]),
    )
    api.until(lambda body: body["metadata"]["deletionTimestamp"], f"pods/{name}", quiet=True)
    api.get("deployments/d", only=lambda body: body["metadata"]["finalizers"])
    api.patch(f"pods/{name}", {"metadata": {"finalizers": None}}, quiet=True)
    api.gone("deployments/d")


@case
def orphaned_replicasets_are_adopted_again(api: Talk) -> None:
    api.made("deployments", {"metadata": {"name": "d"}, "spec": _spec(1)})
    [pod] = _list(api, "pods", 1)
    api.delete("deployments/d", {"propagationPolicy": "Orphan"}, quiet=True)
    api.gone("deployments/d")
    api.get(
        "replicasets", only=lambda body: [each["metadata"].get("ownerReferences") for each in body["items"]]
    )
    api.made("deployments", {"metadata": {"name": "d"}, "spec": _spec(1)})
    api.until(
        lambda body: body["items"][0]["metadata"]["ownerReferences"],
        "replicasets",
        only=lambda body: len(body["items"]),
    )
    [same] = _list(api, "pods", 1)
    assert same["metadata"]["uid"] == pod["metadata"]["uid"]


@case
def a_stateful_set_counts_up_one_by_one(api: Talk) -> None:
    api.made("statefulsets", {"metadata": {"name": "s"}, "spec": _spec(2, serviceName="s")})
    _ready(api, 1)
    api.until(
        lambda body: body["metadata"]["name"],
        "pods/s-1",
        only=lambda body: body["metadata"]["labels"],
    )
    _ready(api, 2)
    api.until(
        _holding(replicas=2, readyReplicas=2, availableReplicas=2),
        "statefulsets/s",
        only=lambda body: body["status"],
    )


@case
def a_partition_holds_the_update_back(api: Talk) -> None:
    update = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    api.made(
        "statefulsets",
        {
            "metadata": {"name": "s"},
            "spec": _spec(2, serviceName="s", podManagementPolicy="Parallel", updateStrategy=update),
        },
    )
    _ready(api, 2)
    api.until(_holding(replicas=2, availableReplicas=2), "statefulsets/s", only=_counts)
    api.patch("statefulsets/s", _image("i:2"), quiet=True)
    api.until(lambda body: body["spec"]["containers"][0]["image"] == "i:2", "pods/s-1", quiet=True)
    _ready(api, 1, "i:2")

    def pick(body: Obj) -> Any:
        return {
            **_counts(body),
            "currentReplicas": body["status"].get("currentReplicas"),
            "same": body["status"]["currentRevision"] == body["status"]["updateRevision"],
        }

    api.until(_holding(availableReplicas=2, updatedReplicas=1), "statefulsets/s", only=pick)
    api.get("pods/s-0", only=lambda body: body["spec"]["containers"][0]["image"])
    api.patch("statefulsets/s", {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}}, quiet=True)
    api.until(lambda body: body["spec"]["containers"][0]["image"] == "i:2", "pods/s-0", quiet=True)
    _ready(api, 2, "i:2")
    api.until(
        lambda body: _holding(availableReplicas=2, updatedReplicas=2)(body) and pick(body)["same"],
        "statefulsets/s",
        only=pick,
    )


@case
def a_stateful_set_on_delete_waits_for_the_delete(api: Talk) -> None:
    api.made(
        "statefulsets",
        {"metadata": {"name": "s"}, "spec": _spec(1, serviceName="s", updateStrategy={"type": "OnDelete"})},
    )
    _ready(api, 1)
    api.until(_holding(availableReplicas=1), "statefulsets/s", only=_counts)
    api.patch("statefulsets/s", _image("i:2"), quiet=True)
    api.until(
        lambda body: (
            _holding(replicas=1)(body)
            and body["status"]["updateRevision"] != body["status"]["currentRevision"]
        ),
        "statefulsets/s",
        only=_counts,
    )
    api.get("pods/s-0", only=lambda body: body["spec"]["containers"][0]["image"])
    api.delete("pods/s-0", quiet=True)
    api.until(
        lambda body: body["spec"]["containers"][0]["image"] == "i:2",
        "pods/s-0",
        only=lambda body: body["spec"]["containers"][0]["image"],
    )


@case
def a_daemon_set_that_fits_nowhere_wants_nothing(api: Talk) -> None:
    pod = _pod()
    pod["spec"] = {**pod["spec"], "nodeSelector": {"no": "where"}}
    api.made(
        "daemonsets",
        {"metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": pod}},
    )
    api.until(_holding(), "daemonsets/x", only=lambda body: (body["status"], body["spec"]["updateStrategy"]))


@case
def a_job_ends_when_its_pod_has(api: Talk) -> None:
    pod = {
        "spec": {
            "restartPolicy": "Never",
            "schedulerName": "nobody",
            "containers": [{"name": "m", "image": "i"}],
        }
    }
    api.made("jobs", {"metadata": {"name": "j"}, "spec": {"template": pod}})
    api.until(
        lambda body: body["status"]["active"] == 1,
        "jobs/j",
        only=lambda body: (body["status"], body["spec"]["completions"], body["spec"]["backoffLimit"]),
    )
    body = api.until(lambda body: body["items"], "pods", quiet=True, labelSelector="job-name=j")
    api.patch(
        f"pods/{body['items'][0]['metadata']['name']}/status", {"status": {"phase": "Succeeded"}}, quiet=True
    )
    api.until(lambda body: body["status"].get("succeeded") == 1 and any(each["type"] == "Complete" for each in body["status"]["conditions"]),
              "jobs/j", only=lambda body: (body["status"]["succeeded"], sorted((each["type"], each["status"]) for each in body["status"]["conditions"])))  # fmt: skip

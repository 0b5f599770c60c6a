"""All controllers of a world, in the order they take their turns."""

from __future__ import annotations

from upgrader.sandbox.api.kinds.catalogue import Catalogue
from upgrader.sandbox.controllers.batch.cronjobs import CronJobs
from upgrader.sandbox.controllers.batch.jobs import Jobs
from upgrader.sandbox.controllers.cluster import Cluster
from upgrader.sandbox.controllers.lifecycle.autoscalers import Autoscalers
from upgrader.sandbox.controllers.lifecycle.budgets import Budgets
from upgrader.sandbox.controllers.lifecycle.definitions import Definitions
from upgrader.sandbox.controllers.lifecycle.garbage import Garbage
from upgrader.sandbox.controllers.lifecycle.namespaces import Namespaces
from upgrader.sandbox.controllers.loop import Controller
from upgrader.sandbox.controllers.network.balancers import Balancers
from upgrader.sandbox.controllers.network.endpoints import Endpoints
from upgrader.sandbox.controllers.network.slices import Slices
from upgrader.sandbox.controllers.nodes.kubelet import Kubelet
from upgrader.sandbox.controllers.nodes.registration import Registration
from upgrader.sandbox.controllers.nodes.scheduler import Scheduler
from upgrader.sandbox.controllers.rollouts.deployments import Deployments
from upgrader.sandbox.controllers.workloads.daemonsets import DaemonSets
from upgrader.sandbox.controllers.workloads.replicasets import ReplicaSets
from upgrader.sandbox.controllers.workloads.statefulsets import StatefulSets

_ORDER = (
    Namespaces,
    Garbage,
    CronJobs,
    Jobs,
    DaemonSets,
    StatefulSets,
    Deployments,
    ReplicaSets,
    Scheduler,
    Kubelet,
    Endpoints,
    Slices,
    Balancers,
    Budgets,
    Autoscalers,
)


def server_side(cluster: Cluster, catalogue: Catalogue) -> list[Controller]:
    """What an API server does by itself: definitions become resources."""
    return [Definitions(cluster, catalogue)]


def whole(cluster: Cluster, catalogue: Catalogue, kubernetes: str) -> list[Controller]:
    """Everything Kubernetes brings along."""
    rest: list[Controller] = [each(cluster) for each in _ORDER]
    return [*server_side(cluster, catalogue), Registration(cluster, kubernetes), *rest]

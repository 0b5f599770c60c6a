"""Watch: what happens from a revision on."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import PARTIAL, TABLE, Talk, case


def _short(events: Any) -> Any:
    return [(each["type"], each["object"]["metadata"].get("name")) for each in events]


def _now(api: Talk, path: str = "configmaps") -> str:
    revision: str = api.get(path, quiet=True, limit=1)["metadata"]["resourceVersion"]
    return revision


@case
def a_watch_tells_what_happens_since_a_revision(api: Talk) -> None:
    start = _now(api)
    api.made("configmaps", {"metadata": {"name": "c"}, "data": {"k": "v"}})
    api.patch("configmaps/c", {"data": {"k": "w"}}, quiet=True)
    api.delete("configmaps/c", quiet=True)
    api.watch("configmaps", 3, resourceVersion=start)


@case
def a_watch_without_revision_begins_with_what_is_there(api: Talk) -> None:
    for name in ("a", "b"):
        api.made("leases", {"metadata": {"name": name}})
    api.watch("leases", 2, only=_short)
    api.watch("leases", 2, only=_short, resourceVersion="0")


@case
def a_watch_of_one_object_tells_of_it_alone(api: Talk) -> None:
    start = _now(api)
    for name in ("a", "b"):
        api.made("configmaps", {"metadata": {"name": name}})
    api.delete("configmaps/b", quiet=True)
    api.watch("configmaps", 2, only=_short, resourceVersion=start, fieldSelector="metadata.name=b")


@case
def who_enters_a_selection_is_added_and_who_leaves_it_deleted(api: Talk) -> None:
    start = _now(api)
    api.made("configmaps", {"metadata": {"name": "c"}})
    for label in ("yes", "yes!", "no", "yes"):
        meta = {"labels": {"in": label.rstrip("!")}, "annotations": {"told": label}}
        api.patch("configmaps/c", {"metadata": meta}, quiet=True)
    api.watch("configmaps", 4, resourceVersion=start, labelSelector="in=yes",
              only=lambda events: [(each["type"], each["object"]["metadata"]["labels"]) for each in events])  # fmt: skip


@case
def a_watch_from_too_long_ago_is_gone(api: Talk) -> None:
    api.watch("configmaps", 1, resourceVersion="1")


@case
def a_watch_needs_a_revision_and_known_options(api: Talk) -> None:
    api.get("configmaps", watch="true", resourceVersion="nonsense", timeoutSeconds=5)
    api.get("configmaps", watch="true", labelSelector="a in (", timeoutSeconds=5)
    api.get("configmaps", watch="true", fieldSelector="data.k=v", timeoutSeconds=5)
    api.get("configmaps", watch="true", resourceVersionMatch="Exact", resourceVersion="1", timeoutSeconds=5)
    api.get("configmaps", watch="true", sendInitialEvents="true", timeoutSeconds=5)


@case
def initial_events_end_with_a_bookmark(api: Talk) -> None:
    for name in ("a", "b"):
        api.made("leases", {"metadata": {"name": name}})
    api.watch("leases", 3, sendInitialEvents="true", resourceVersionMatch="NotOlderThan", allowWatchBookmarks="true",
              only=lambda events: [*_short(events), events[-1]["object"]])  # fmt: skip


@case
def a_watch_carries_metadata_or_tables(api: Talk) -> None:
    start = _now(api)
    api.made("configmaps", {"metadata": {"name": "c"}, "data": {"k": "v"}})
    api.patch("configmaps/c", {"data": {"l": "w"}}, quiet=True)
    api.watch("configmaps", 2, accept=PARTIAL, resourceVersion=start)

    def rows(events: Any) -> Any:
        return [(each["type"], each["object"]["kind"], each["object"]["columnDefinitions"] is not None and len(each["object"]["columnDefinitions"]),
                 each["object"]["rows"][0]["cells"][:2]) for each in events]  # fmt: skip

    api.watch("configmaps", 2, accept=TABLE, resourceVersion=start, only=rows)


@case
def the_old_path_of_watches_still_leads_there(api: Talk) -> None:
    api.made("leases", {"metadata": {"name": "a"}})
    place = f"/apis/coordination.k8s.io/v1/watch/namespaces/{api.space}/leases"
    api.watch(place, 1, only=_short)
    api.watch(f"{place}/a", 1, only=_short)


@case
def the_status_of_what_is_deleted_with_finalizers_is_watched(api: Talk) -> None:
    start = _now(api)
    api.made("configmaps", {"metadata": {"name": "c", "finalizers": ["example.com/hold"]}})
    api.delete("configmaps/c", quiet=True)
    api.patch("configmaps/c", {"metadata": {"finalizers": None}}, quiet=True)
    api.watch("configmaps", 3, resourceVersion=start,
              only=lambda events: [(each["type"], "deletionTimestamp" in each["object"]["metadata"], each["object"]["metadata"].get("finalizers")) for each in events])  # fmt: skip

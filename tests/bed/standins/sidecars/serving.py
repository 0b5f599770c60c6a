"""The proxies of a mesh, as far as istiod can tell: ``python -m tests.bed.standins.sidecars --kubeconfig FILE``.

One process holds a connection for every running pod with a proxy, to the istiod that the pod was injected for. It is
told and asked over a Unix socket, one JSON object a line each way (``client`` speaks it):

    {"do": "status"}                        counts: proxies, waiting, connected, rejecting, synced, istiods, versions
    {"do": "list"}                          {"proxies": [...]}, one object each
    {"do": "reject", "detail": "words"}     reject; "kind": "LDS" limits it to a type
    {"do": "accept"}                        forget such rules
    {"do": "wait", "state": "synced"}       answer when all are; "count": N for exactly so many, "seconds": 60

``namespace`` and ``pod``, globs, limit each of them. ``reject`` and ``accept`` connect those concerned again, so that
istiod answers and is answered at once; with ``"now": false`` they wait for its next push.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3

from tests.bed.standins.sidecars.fleet import STATES, Fleet, Rule
from tests.bed.standins.sidecars.pods import proxy_of
from tests.bed.standins.sidecars.watching import TROUBLE, Kube
from tests.bed.standins.sidecars.xds import TYPES

Obj = dict[str, Any]


def main() -> None:
    """Run until SIGTERM or SIGINT, or with ``--tied`` until standard input ends."""
    urllib3.disable_warnings()  # a bed's API server signs its own certificate
    parser = argparse.ArgumentParser(prog="python -m tests.bed.standins.sidecars")
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--control", required=True, type=Path, help="Unix socket to make.")
    parser.add_argument(
        "--sample", type=int, default=0, help="Connect at most so many proxies of a namespace."
    )
    parser.add_argument("--tied", action="store_true", help="End when standard input does.")
    asyncio.run(serve(parser.parse_args()))


async def serve(options: argparse.Namespace) -> None:
    """Watch, connect, listen; says ``{"ready": true}`` when the pods there are have been read."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    if options.tied:
        _in_thread(lambda: _until_input_ends(lambda: loop.call_soon_threadsafe(stop.set)))
    kube = Kube(options.kubeconfig)
    fleet = Fleet(kube.addresses, options.sample)
    listed = asyncio.Event()
    _in_thread(lambda: _follow(kube, fleet, loop, listed))
    await _first(listed, stop)
    options.control.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(lambda r, w: _answer(fleet, r, w), options.control)
    print(json.dumps({"ready": True, "control": str(options.control)}), flush=True)
    await stop.wait()
    server.close()
    await fleet.close()
    options.control.unlink(missing_ok=True)


def _in_thread(work: Callable[[], object]) -> None:
    threading.Thread(target=work, daemon=True).start()


def _until_input_ends(then: Callable[[], object]) -> None:
    """Unbuffered: a lock held on ``sys.stdin`` would abort the interpreter when it ends by a signal."""
    while os.read(0, 4096):
        pass
    then()


async def _first(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for each in waits:
        each.cancel()


def _follow(kube: Kube, fleet: Fleet, loop: asyncio.AbstractEventLoop, listed: asyncio.Event) -> None:
    """Keep the fleet as the pods are, listing again whenever the watch breaks."""

    def present(pods: list[Obj]) -> None:
        found = [proxy for pod in pods if (proxy := proxy_of(pod))]
        loop.call_soon_threadsafe(fleet.replace, found)
        loop.call_soon_threadsafe(listed.set)

    def changed(kind: str, pod: Obj) -> None:
        proxy = None if kind == "DELETED" else proxy_of(pod)
        if proxy:
            loop.call_soon_threadsafe(fleet.join, proxy)
        else:
            loop.call_soon_threadsafe(fleet.drop, pod["metadata"]["uid"])

    pause = threading.Event()
    while True:
        with contextlib.suppress(*TROUBLE):
            kube.follow(present, changed)
        pause.wait(1)


async def _answer(fleet: Fleet, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncio.CancelledError):
        while line := await reader.readline():
            try:
                answer = await carry_out(fleet, json.loads(line))
            except (ValueError, TypeError, KeyError) as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
    writer.close()


async def carry_out(fleet: Fleet, told: Obj) -> Obj:
    """One request of the control socket.

    Raises:
        ValueError: Unknown request, type or state.
        TypeError: A field that the request does not have.
    """
    told = dict(told)
    match told.pop("do", None):
        case "status":
            return fleet.counts(**told)
        case "list":
            return {"proxies": [member.told() for member in fleet.members(**told)]}
        case "reject":
            if told.get("kind", "*") not in {*TYPES, "*"}:
                raise ValueError(f"no such type: {told['kind']}")
            now = told.pop("now", True)
            return {"concerned": fleet.reject(Rule(**told), now=now)}
        case "accept":
            return {"concerned": fleet.accept(**{"now": True, **told})}
        case "wait":
            return await _wait(fleet, **told)
        case other:
            raise ValueError(f"no such request: {other}")


async def _wait(
    fleet: Fleet,
    state: str,
    count: int | None = None,
    seconds: float = 60.0,
    namespace: str = "*",
    pod: str = "*",
) -> Obj:
    if state not in STATES:
        raise ValueError(f"no such state: {state}")

    def so() -> bool:
        members = fleet.members(namespace, pod)
        alike = sum(member.state == state for member in members)
        return 0 < alike == len(members) if count is None else alike == count

    held = await fleet.settled(so, seconds)
    return {"held": held, **fleet.counts(namespace, pod)}

"""All proxies that should be connected, each kept so: resolved, connected, connected again."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from glob import escape
from typing import Any

import grpc

from tests.bed.standins.sidecars.pods import Istiod, Proxy
from tests.bed.standins.sidecars.xds import Talk, TalkEnded, channel_to, converse

__all__ = ["STATES", "Fleet", "Rule"]

STATES = ("waiting", "connected", "rejecting", "synced")
"""No istiod answers; asked and not all is acknowledged yet; the last answer of a type was rejected; all is."""
FRESH = 0.2
"""Seconds for which an answer about addresses is used."""
QUICKEST, SLOWEST = 0.2, 5.0
"""Seconds between two attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which responses are rejected, and with what words. Globs; ``kind`` is CDS, EDS, LDS, RDS or ``*``."""

    namespace: str = "*"
    pod: str = "*"
    kind: str = "*"
    detail: str

    def concerns(self, proxy: Proxy) -> bool:
        return fnmatchcase(proxy.namespace, self.namespace) and fnmatchcase(proxy.pod, self.pod)


@dataclass(slots=True)
class Member:
    """One proxy and how it stands."""

    proxy: Proxy
    talk: Talk = field(default_factory=Talk)
    address: str = ""
    rejects: int = 0
    connections: int = 0
    trouble: str = ""
    task: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        if not self.address:
            return "waiting"
        if self.talk.rejecting:
            return "rejecting"
        return "synced" if self.talk.synced else "connected"

    def told(self) -> dict[str, Any]:
        """As ``list`` answers."""
        return {
            "namespace": self.proxy.namespace,
            "pod": self.proxy.pod,
            "node": self.proxy.node,
            "version": self.proxy.version,
            "istiod": str(self.proxy.istiod),
            "address": self.address,
            "state": self.state,
            "rejects": self.rejects + self.talk.rejects,
            "connections": self.connections,
            "trouble": self.trouble,
            "listeners": sorted(self.talk.listeners),
        }


class Channels:
    """One connection per address of an istiod, for as long as a stream uses it."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[grpc.aio.Channel, Counter[str]]] = {}

    def take(self, address: str) -> grpc.aio.Channel:
        channel, uses = self._open.setdefault(address, (channel_to(address), Counter()))
        uses[address] += 1
        return channel

    async def give_back(self, address: str) -> None:
        channel, uses = self._open[address]
        uses[address] -= 1
        if not uses[address]:
            del self._open[address]
            await channel.close()


class Fleet:
    """Proxies by the uid of their pod.

    Args:
        addresses: Where an istiod is now, ``HOST:PORT`` of plaintext xDS; called in a thread. Raises LookupError where that cannot be told.
        sample: At most so many proxies of a namespace are connected; 0: all.
    """

    def __init__(self, addresses: Callable[[Istiod], list[str]], sample: int = 0) -> None:
        self._addresses = addresses
        self._sample = sample
        self._members: dict[str, Member] = {}
        self._spare: dict[str, Proxy] = {}
        self._rules: list[Rule] = []
        self._channels = Channels()
        self._known: dict[Istiod, asyncio.Task[list[str]]] = {}
        self._pulse = asyncio.Event()

    # Who is there.

    def replace(self, proxies: Iterable[Proxy]) -> None:
        """These and no others are there."""
        now = {proxy.uid: proxy for proxy in proxies}
        for uid in [*self._members, *self._spare]:
            if uid not in now:
                self.drop(uid)
        for proxy in now.values():
            self.join(proxy)

    def join(self, proxy: Proxy) -> None:
        """A proxy runs. Telling it again changes nothing: an agent reads its pod once, when it starts."""
        if proxy.uid in self._members or proxy.uid in self._spare:
            return
        if self._sample and len(self.members(escape(proxy.namespace))) >= self._sample:
            self._spare[proxy.uid] = proxy
        else:
            self._start(Member(proxy))
        self._beat()

    def drop(self, uid: str) -> None:
        """A proxy has ended; one more of its namespace takes its place in the sample."""
        self._spare.pop(uid, None)
        if (member := self._members.pop(uid, None)) is None:
            return
        if member.task:
            member.task.cancel()
        for spare in self._spare.values():
            if spare.namespace == member.proxy.namespace:
                del self._spare[spare.uid]
                self._start(Member(spare))
                break
        self._beat()

    async def close(self) -> None:
        """Close every connection."""
        tasks = [member.task for member in self._members.values() if member.task]
        self._spare.clear()
        for uid in list(self._members):
            self.drop(uid)
        await asyncio.gather(*tasks, return_exceptions=True)

    # What it is told and asked.

    def reject(self, rule: Rule, *, now: bool) -> int:
        """Reject from now on; with *now* those concerned connect again, so that it happens at once. How many."""
        self._rules.append(rule)
        return self._again(rule.concerns, now=now)

    def accept(self, namespace: str = "*", pod: str = "*", *, now: bool) -> int:
        """Forget the rules for proxies so named; with *now* they connect again. How many."""
        gone = [r for r in self._rules if fnmatchcase(r.namespace, namespace) and fnmatchcase(r.pod, pod)]
        self._rules = [rule for rule in self._rules if rule not in gone]
        return self._again(lambda proxy: any(rule.concerns(proxy) for rule in gone), now=now)

    def members(self, namespace: str = "*", pod: str = "*") -> list[Member]:
        """By name."""
        concerned = Rule(namespace=namespace, pod=pod, detail="").concerns
        return [member for member in self._members.values() if concerned(member.proxy)]

    def counts(self, namespace: str = "*", pod: str = "*") -> dict[str, Any]:
        """Proxies by state, and by istiod and version."""
        found = self.members(namespace, pod)
        states = Counter(member.state for member in found)
        connected = [m for m in found if m.address]
        return {
            "proxies": len(found),
            "spare": sum(
                Rule(namespace=namespace, pod=pod, detail="").concerns(p) for p in self._spare.values()
            ),
            **{state: states[state] for state in STATES},
            "rejects": sum(member.rejects + member.talk.rejects for member in found),
            "istiods": dict(Counter(str(m.proxy.istiod) for m in connected)),
            "versions": dict(Counter(m.proxy.version for m in connected)),
            "rules": len(self._rules),
        }

    async def settled(self, wanted: Callable[[], bool], seconds: float) -> bool:
        """Wait until so it is; False: it is not after so long."""
        try:
            async with asyncio.timeout(seconds):
                while not wanted():
                    await self._pulse.wait()
        except TimeoutError:
            return False
        return True

    # How one is kept connected.

    def _start(self, member: Member) -> None:
        self._members[member.proxy.uid] = member
        member.task = asyncio.create_task(self._keep(member), name=member.proxy.node)

    async def _keep(self, member: Member) -> None:
        delay = QUICKEST
        while True:
            try:
                await self._connect(member)
            except (TalkEnded, LookupError) as error:
                member.trouble = str(error)
            except Exception as error:  # noqa: BLE001 - one that stopped would be counted as waiting for ever
                traceback.print_exc()
                member.trouble = repr(error)
            if member.address:
                delay = QUICKEST
            member.rejects += member.talk.rejects
            member.address, member.talk = "", Talk()
            self._beat()
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(delay * 2, SLOWEST)

    async def _connect(self, member: Member) -> None:
        address = random.choice(await self._resolve(member.proxy.istiod))
        channel = self._channels.take(address)
        try:
            async for _ in converse(
                channel, member.proxy, member.talk, lambda kind: self._refusal(member, kind)
            ):
                if not member.address:
                    member.address, member.trouble = address, ""
                    member.connections += 1
                self._beat()
        finally:
            await self._channels.give_back(address)

    async def _resolve(self, istiod: Istiod) -> list[str]:
        """Ask the API server once for all that ask at about the same time."""
        if istiod not in self._known:
            self._known[istiod] = asyncio.create_task(asyncio.to_thread(self._addresses, istiod))
            asyncio.get_running_loop().call_later(FRESH, self._known.pop, istiod)
        if not (found := await asyncio.shield(self._known[istiod])):
            raise LookupError(f"{istiod} has no endpoint")
        return found

    def _refusal(self, member: Member, kind: str) -> str:
        for rule in self._rules:
            if rule.concerns(member.proxy) and fnmatchcase(kind, rule.kind):
                return rule.detail
        return ""

    def _again(self, concerned: Callable[[Proxy], bool], *, now: bool) -> int:
        found = [member for member in self._members.values() if concerned(member.proxy)]
        for member in found if now else ():
            if member.task:
                member.task.cancel()
            rejects = member.rejects + member.talk.rejects
            self._start(Member(member.proxy, rejects=rejects, connections=member.connections))
        self._beat()
        return len(found)

    def _beat(self) -> None:
        """Wake who waits for a state."""
        self._pulse.set()
        self._pulse = asyncio.Event()

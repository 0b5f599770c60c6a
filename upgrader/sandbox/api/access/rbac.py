"""Who may do what: everything, except what a rule denies; or, where roles are enforced, what they allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from upgrader.sandbox.api.access.roles import MASTERS, Atom, groups_of, rules_for
from upgrader.sandbox.errors import ApiError, forbidden
from upgrader.sandbox.store import Obj, Store

_ANY = ("*",)
_OWN = ("system:serviceaccount:kube-system:", "system:kube-", "system:node:")
"""Parts of the control plane, whose own roles the sandbox does not ship."""


@dataclass(frozen=True, slots=True)
class Denial:
    """What one user (``*``: everybody) may not do. Every field lists words; ``*`` matches all.

    ``resources`` names plurals, ``pods/eviction`` for a subresource, ``*/scale`` for that of all resources;
    ``namespaces`` matches "" for cluster-wide requests. A dry run needs the permission of the real thing.
    """

    user: str
    verbs: Sequence[str] = _ANY
    groups: Sequence[str] = _ANY
    resources: Sequence[str] = _ANY
    namespaces: Sequence[str] = _ANY

    def covers(self, ask: Ask) -> bool:
        """Whether the denial is about this ask."""
        wanted = (
            ((self.user,), ask.user),
            (self.verbs, ask.verb),
            (self.groups, ask.group),
            (self.namespaces, ask.namespace),
        )
        return all("*" in words or value in words for words, value in wanted) and self._names(ask)

    def _names(self, ask: Ask) -> bool:
        if "*" in self.resources or ask.full_resource in self.resources:
            return True
        return bool(ask.subresource) and f"*/{ask.subresource}" in self.resources


class Ask(msgspec.Struct, frozen=True, gc=False):
    """One question to authorization.

    Attributes:
        groups: Those that the user came with; ``system:authenticated`` is everybody's.
    """

    user: str
    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    groups: tuple[str, ...] = ()

    @property
    def full_resource(self) -> str:
        """``pods`` or ``pods/eviction``."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource

    def refusal(self) -> ApiError:
        """The 403 the API server answers."""
        where = f' in the namespace "{self.namespace}"' if self.namespace else " at the cluster scope"
        why = f'User "{self.user}" cannot {self.verb} resource "{self.full_resource}" in API group "{self.group}"'
        return forbidden(self.resource, self.name, why + where, self.group)


@dataclass(frozen=True, slots=True)
class Issued:
    """A token the server gave out: for whom, and until when it holds."""

    user: str
    until: datetime


@dataclass
class Rbac:
    """Denials by user, roles if they count, and the users behind bearer tokens.

    Attributes:
        store: Where the roles and bindings are.
        enforced: Users other than ``admin`` (and the group ``system:masters``) may do what roles allow them and no more.
        tokens: Bearer token to user; an unknown token is the user ``admin`` as long as no token is known.
        issued: Tokens of service accounts.
    """

    denials: list[Denial] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    issued: dict[str, Issued] = field(default_factory=dict)
    store: Store | None = None
    enforced: bool = False

    @property
    def asks(self) -> bool:
        """Whether anything can be refused at all."""
        return self.enforced or bool(self.denials)

    def deny(
        self,
        user: str,
        *,
        verbs: Sequence[str] = _ANY,
        groups: Sequence[str] = _ANY,
        resources: Sequence[str] = _ANY,
        namespaces: Sequence[str] = _ANY,
    ) -> None:
        """Take a permission from a user."""
        self.denials.append(Denial(user, verbs, groups, resources, namespaces))

    def copy_from(self, other: Rbac) -> None:
        """Know and deny all that another one does."""
        self.denials.extend(other.denials)
        self.tokens.update(other.tokens)
        self.issued.update(other.issued)
        self.enforced = other.enforced

    def allows(self, ask: Ask) -> bool:
        """Whether no denial covers the ask and, where roles are enforced, one of them allows it."""
        if any(denial.covers(ask) for denial in self.denials):
            return False
        atom = Atom(ask.verb, ask.group, ask.full_resource, ask.name)
        rules = self.rules_of(ask.user, ask.groups, ask.namespace)
        return rules is None or any(atom.within(rule) for rule in rules)

    def rules_of(self, user: str, groups: Sequence[str], namespace: str) -> list[Obj] | None:
        """The rules of the user's roles there; None when no role limits him."""
        known = groups_of(user, groups)
        if not self.enforced or self.store is None or user == "admin" or MASTERS in known:
            return None
        if user.startswith(_OWN):
            return None
        return list(rules_for(self.store, user, known, namespace))

    def require(self, ask: Ask) -> None:
        """Let the ask pass.

        Raises:
            ApiError: 403 when a denial covers it.
        """
        if not self.allows(ask):
            raise ask.refusal()

    def user_of(self, token: str, now: datetime) -> str | None:
        """The user a bearer token stands for; None when the token is wrong or has expired."""
        issued = self.issued.get(token)
        if issued is not None:
            return issued.user if now < issued.until else None
        return self.tokens.get(token) if self.tokens else "admin"

"""What ``istioctl analyze`` and ``istioctl x precheck`` say, as findings. Read from their JSON, never from an exit code.

``precheck`` writes no JSON at all when it has nothing to say (pkg/precheck/precheck.go, 1.12 to 1.31): only its own
sentence on stderr tells that from not having looked. ``analyze`` writes an empty list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import msgspec

from upgrader.model.finding import Finding, Severity
from upgrader.model.step import counted

NOTHING = "No issues found"
"""What ``precheck`` writes to stderr when all is well."""
CODE = "UPG-0344"
_SHOWN = 8
_SAME = {
    ("UPG-0357", "VirtualServices of the sidecars"): "IST0109",
    ("UPG-0359", ""): "IST0101",
    ("UPG-0399", ""): "IST0145",
}
"""Our code, with a subject where not all of it is meant, to the message of ``analyze`` that says the same."""
_PERMISSION = "IST0141"
"""The person who plans may not install; whoever applies is asked by the API server before the first write."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message. Levels: ``Info``, ``Warning``, ``Error``."""

    code: str
    level: str
    message: str = ""
    origin: str = ""
    documentationUrl: str = ""  # noqa: N815  istioctl's spelling


def messages_of(out: bytes) -> tuple[Message, ...] | None:
    """Every message; None when *out* is not the JSON of a list of them."""
    try:
        found = json.loads(out)
        return () if found is None else tuple(msgspec.convert(found, list[Message]))
    except (ValueError, msgspec.ValidationError):
        return None


def findings_of(tool: str, messages: Sequence[Message], program: str) -> Iterator[Finding]:
    """One finding for each code and level; information is left out.

    An error of ``precheck`` blocks: upstream's own word that the upgrade is not safe. One of ``analyze`` is about
    configuration that is so today, whether or not anybody upgrades.
    """
    for code, level in dict.fromkeys((m.code, m.level) for m in messages):
        alike = [m for m in messages if (m.code, m.level) == (code, level)]
        if level == "Info":
            continue
        blocks = tool == "precheck" and level == "Error" and code != _PERMISSION
        origins = tuple(dict.fromkeys(m.origin for m in alike if m.origin))
        subject = f"{tool} {code}"
        number = f"{counted(len(alike), 'message')}: " if len(alike) > 1 else ""
        yield Finding(
            code=CODE,
            severity=Severity.BLOCKED if blocks else Severity.ADVISORY,
            subject=subject,
            summary=f"{subject} ({level}): {number}{_told(alike[0])}",
            what=tuple(_told(m) for m in alike[1:_SHOWN]),
            why=f"{program} says so of this cluster",
            do=(alike[0].documentationUrl,) if alike[0].documentationUrl else (),
            allowable=blocks,
            objects=origins,
        )


def not_said_by_them(ours: Sequence[Finding], theirs: Sequence[Finding]) -> tuple[Finding, ...]:
    """*ours* without what ``analyze`` has said of all the same objects already."""
    told = {f.subject: set(f.objects) for f in theirs if f.code == CODE}

    def repeated(finding: Finding) -> bool:
        message = _SAME.get((finding.code, finding.subject)) or _SAME.get((finding.code, ""))
        return bool(message and finding.objects) and set(finding.objects) <= told.get(
            f"analyze {message}", set()
        )

    return tuple(f for f in ours if not repeated(f))


def could_not_look(tool: str, why: str, program: str) -> Finding:
    """Not having looked is not the same as having found nothing."""
    return Finding(
        code="UPG-0345",
        severity=Severity.ADVISORY,
        subject=f"istioctl {tool}",
        summary=f"istioctl {tool} could not look: {why}",
        why=f"what {program} would have found is not known",
        do=(
            f"istioctl {'x ' if tool == 'precheck' else ''}{tool}{' -A' if tool == 'analyze' else ''} -o json",
        ),
    )


def _told(message: Message) -> str:
    text = " ".join(message.message.split())
    return f"{message.origin}: {text}" if message.origin else text

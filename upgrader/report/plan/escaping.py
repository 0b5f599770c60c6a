"""Words of somebody else inside markdown: they can not end a table, open a tag, call a person or close a fence."""

from __future__ import annotations

import re
import shlex

from upgrader.cluster.clean import clean, clean_line

_MARKUP = re.compile(r"([\\`*_{}\[\]<|#~]|^>)")
_JOINER = "\u2060"
"""Shows nothing, and keeps ``@`` from being followed by a name, ``://`` by an address."""


def escaped(text: str) -> str:
    """Text for prose and tables: no column break, no mention, no markup, no link."""
    plain = _MARKUP.sub(r"\\\1", clean_line(text))
    return plain.replace("@", f"@{_JOINER}").replace("://", f":{_JOINER}//")


def code(text: str) -> str:
    """Text between backticks, in a table too."""
    return clean_line(text).replace("`", "'").replace("|", "\\|")


def inline(text: str) -> str:
    """A command as code; between as many backticks as it takes, in a table too."""
    line = " ".join(clean(text).split())
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    mark = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{mark}{pad}{line.replace('|', chr(92) + '|')}{pad}{mark}"


def fence(lines: list[str]) -> str:
    """The backticks around *lines*: one more than any run of them inside, three at least."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    return "`" * max(3, longest + 1)


def shell(text: str) -> str:
    """One word of a command line."""
    return shlex.quote(clean_line(text))

"""Text that fits the screen: prose is wrapped, names are cut in the middle, commands are left whole."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from upgrader.cluster.clean import clean

_COMMAND = re.compile(r"(?:^|(?<=: )|(?<=:  )|(?<=&& ))(upgrade|kubectl) (?=\S)")
_OURS = re.compile(r"^(\S+ )?(upgrade|kubectl|istioctl|helm) ")
_ANYWHERE = {"explain", "completion", "version", "show", "help", "config"}
"""Commands of ours that reach no cluster, so that they need not be told which."""


@dataclass(frozen=True)
class Typed:
    """How this user's commands begin and end.

    Attributes:
        program: ``upgrade`` or ``kubectl istio-upgrade``.
        flags: What was said on the command line about the cluster and the records, with a leading space.
    """

    program: str = "upgrade"
    flags: str = ""

    def command(self, text: str) -> str:
        """*text* with the same cluster: our commands and kubectl's, wherever they stand in the line."""
        line, gap, remark = text.partition("  #")
        parts = _COMMAND.split(line)
        done = [parts[0]]
        for word, rest in zip(parts[1::2], parts[2::2], strict=True):
            done.append(self._ours(rest) if word == "upgrade" else f"kubectl{self._kubectl(rest)} {rest}")
        return "".join(done) + gap + remark

    def _ours(self, rest: str) -> str:
        said, joint, _ = rest.partition(" && ")
        flags = "" if said.split(" ", 1)[0] in _ANYWHERE else self._flags(set(said.split()))
        return f"{self.program} {said.rstrip()}{flags}{joint}"

    def _flags(self, said: set[str]) -> str:
        words = shlex.split(self.flags)
        pairs = zip(words[::2], words[1::2], strict=True)
        return "".join(f" {name} {shlex.quote(value)}" for name, value in pairs if name not in said)

    def _kubectl(self, rest: str) -> str:
        if rest.startswith("config "):
            return ""
        return self._flags({"--state", *rest.split()})


def is_command(text: str) -> bool:
    """Whether *text* is to be copied, so that it must not be wrapped."""
    return bool(_COMMAND.search(text) or _OURS.match(text))


def advice(texts: Sequence[str], typed: Typed, room: int) -> list[str]:
    """What to do, one command or edit after the other. A remark stands behind its command, or below if it is long."""
    lines: list[str] = []
    for text in texts:
        command, _, remark = typed.command(clean(text)).partition("  #")
        command, remark = command.rstrip(), remark.strip()
        whole = f"{command}      # {remark}" if remark else command
        if len(whole) <= room:
            lines.append(whole)
            continue
        lines += [command] if is_command(command) else fitted(command, room)
        lines += fitted(f"  # {remark}", room, "  # ") if remark else []
    return lines


def fitted(text: str, width: int, rest: str | None = None) -> list[str]:
    """*text* in lines of at most *width*; later ones begin with *rest*, or as deep as the first. A word is never torn."""
    indent = re.match(r" *", text)
    deep = rest if rest is not None else indent.group() if indent else ""
    room = max(width, len(deep) + 20)
    return textwrap.wrap(
        text, room, subsequent_indent=deep, break_long_words=False, break_on_hyphens=False
    ) or [""]


def hung(head: str, text: str, width: int) -> list[str]:
    """*text* behind *head*; later lines begin below it."""
    return fitted(head + text, width, " " * len(head)) if text else [head.rstrip()]


def joined(
    words: Sequence[str], width: int, head: str = "", joint: str = ", ", rest: str | None = None
) -> Iterator[str]:
    """*words* in lines, none of them torn; later lines begin with *rest*, or below the first word."""
    line = head
    for number, word in enumerate(words):
        piece = word + (joint if number < len(words) - 1 else "")
        if len(line) + len(piece.rstrip()) > width and line != head and line.strip():
            yield line.rstrip()
            line = " " * len(head) if rest is None else rest
        line += piece
    yield line.rstrip()


def middle(name: str, width: int) -> str:
    """A name in at most *width* characters, without its middle: both its ends tell names apart."""
    if len(name) <= width or width < 5:
        return name
    left = (width - 2) // 2
    return f"{name[:left]}..{name[left + 2 - width :]}"


def some(words: Sequence[str], room: int) -> str:
    """As many *words* as fit in *room*, and how many more there are."""
    text, shown = "", 0
    for word in words:
        more = f"{text}, {word}" if text else word
        if len(more) > room - (14 if shown + 1 < len(words) else 0) and shown:
            break
        text, shown = more, shown + 1
    left = len(words) - shown
    return f"{text} and {left} more" if left else text

"""What somebody answered to a question that no object of the cluster answers."""

from __future__ import annotations

import msgspec

_WORDS = {"yes": True, "no": False}


class Answer(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One answer, as the plan records it.

    Attributes:
        id: Of the advisory: ``1.13-port-22``.
        concerned: Whether the mesh is concerned.
        text: What was looked at, or who knows; may be empty.
    """

    id: str
    concerned: bool
    text: str = ""

    @property
    def words(self) -> str:
        """``yes`` or ``no``, and the text."""
        said = "yes" if self.concerned else "no"
        return f"{said}: {self.text}" if self.text else said


def parse_answer(id_: str, said: str) -> Answer:
    """Read ``yes``, ``no``, or one of them with a colon and a text.

    Raises:
        ValueError: it is neither yes nor no.
    """
    word, _, text = said.partition(":")
    concerned = _WORDS.get(word.strip().lower())
    if concerned is None:
        raise ValueError(f"{said!r} is neither yes nor no (nor one of them with a colon and a text)")
    return Answer(id=id_.strip().lower(), concerned=concerned, text=" ".join(text.split()))

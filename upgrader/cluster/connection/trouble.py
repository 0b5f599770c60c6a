"""What the libraries raise when a connection fails, as the failures of the model."""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Iterator

from upgrader.cluster.clean import clean_line
from upgrader.model.failures import Unreachable


@contextlib.contextmanager
def translated(request: str, server: str) -> Iterator[None]:
    """What the library raises, as ``Unreachable``; whether the request may have left is the whole point."""
    from urllib3 import exceptions as u

    try:
        yield
    except (u.NewConnectionError, u.ConnectTimeoutError, u.ProxyError, u.LocationParseError) as error:
        raise _unreachable(f"{server} cannot be reached: {_plain(error)}", request, sent=False) from error
    except (u.SSLError, ssl.SSLError) as error:
        sent = not _is_certificate_trouble(error)
        raise _unreachable(f"no safe connection to {server}: {_plain(error)}", request, sent=sent) from error
    except (u.HTTPError, OSError) as error:
        raise _unreachable(
            f"{server} did not finish its answer: {_plain(error)}", request, sent=True
        ) from error


def _unreachable(message: str, request: str, *, sent: bool) -> Unreachable:
    trouble = Unreachable(clean_line(message)[:500], request=request)
    trouble.ambiguous = sent
    return trouble


def _is_certificate_trouble(error: Exception) -> bool:
    """Whether the handshake failed, so that no request was sent."""
    words = ("CERTIFICATE_VERIFY_FAILED", "doesn't match", "WRONG_VERSION_NUMBER", "HANDSHAKE", "[SSL] PEM")
    return any(isinstance(a, ssl.SSLCertVerificationError) for a in error.args) or any(
        w in str(error) for w in words
    )


def _plain(error: Exception) -> str:
    """The library's words without its connection object and the system's error number."""
    text = re.sub(r"^(<[^>]*>|HTTPS?Connection\([^)]*\)): |\[Errno -?\d+\] ", "", str(error))
    return text.removeprefix("Failed to establish a new connection: ") or type(error).__name__

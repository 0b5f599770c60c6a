"""One forwarded connection, as the kubelet makes it: from the pod's own loopback address.

istiod tells ``/debug`` to callers on loopback only. kwok runs this for each connection, with the stream on stdin and
stdout.
"""

from __future__ import annotations

import os
import socket
import sys
import threading


def main(address: str, port: int) -> None:
    """Pump both ways until the far end is done."""
    with socket.create_connection((address, port), source_address=("127.0.0.1", 0)) as far:

        def outwards() -> None:
            while data := os.read(0, 65536):
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)

        threading.Thread(target=outwards, daemon=True).start()
        while data := far.recv(65536):
            os.write(1, data)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

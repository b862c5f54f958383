"""A client at the level of bytes: slow, silent or greedy as no HTTP library can be."""

import contextlib
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit


@contextlib.contextmanager
def connected(url: str, *, receive_buffer: int = 0) -> Iterator[socket.socket]:
    """A connection to the server; a small `receive_buffer` in bytes makes the system take little that the test has not asked for."""
    address = urlsplit(url)
    with socket.socket() as client:
        client.settimeout(30)
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.connect((address.hostname, address.port))
        yield client


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()


def read_answer(client: socket.socket) -> bytes:
    """The next answer, whole."""
    received = b""
    while b"\r\n\r\n" not in received or len(received.partition(b"\r\n\r\n")[2]) < _length(received):
        data = client.recv(65536)
        assert data, f"the server ended the connection after {received!r}"
        received += data
    return received


def _length(answer: bytes) -> int:
    return int(answer.partition(b"content-length: ")[2].partition(b"\r")[0])


def read_all(client: socket.socket) -> bytes:
    """What comes until the server ends the connection, in whichever way."""
    received = bytearray()
    with contextlib.suppress(ConnectionError):
        while data := client.recv(65536):
            received += data
    return bytes(received)


def send_until_refused(client: socket.socket, piece: bytes, most: int) -> int:
    """Send the piece again and again until the server wants no more of it, or `most` bytes went; returns how many did."""
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < most:
            client.sendall(piece)
            sent += len(piece)
    return sent


def status(answer: bytes) -> int:
    """Of the last answer in these bytes; 0 when there is none."""
    _, found, last = answer.rpartition(b"HTTP/1.1 ")
    return int(last[:3]) if found else 0

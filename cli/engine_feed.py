"""Where events come from and their receipts go: a file, standard input, or a WebSocket.

Each feed hands over what is there in one batch, which the engine commits as one group: a slow stream is acknowledged
event by event, a fast one in groups, without a timer.
"""

from __future__ import annotations

import json
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Final

from rtnet_core.engine.core import Receipt
from rtnet_core.engine.events import MAX_EVENT_BYTES
from rtnet_core.errors import InputError, ToolError
from rtnet_core.extras import missing_extra

_READ_BYTES: Final = 1 << 18
_SOCKETS: Final = ("ws://", "wss://")


def receipt_line(receipt: Receipt) -> str:
    """Return a receipt as one line of JSON."""
    content: dict[str, object] = {"id": receipt.id, "status": receipt.status}
    if receipt.sequence is not None:
        content["sequence"] = receipt.sequence
    if receipt.reason:
        content |= {"reason": receipt.reason, "message": receipt.message}
    if receipt.report is not None:
        content["report"] = receipt.report.to_json()
    return json.dumps(content)


class Feed(ABC):
    """A stream of events that is read once.

    Parameters
    ----------
    group
        Most events in one batch.
    """

    def __init__(self, group: int) -> None:
        self.group = group

    @abstractmethod
    def batches(self) -> Iterator[list[bytes]]:
        """Yield the events that are there, line by line, at most `group` at a time."""

    @abstractmethod
    def answer(self, receipts: Sequence[Receipt]) -> None:
        """Send a batch's receipts back; they are on disk."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the source."""


class StreamFeed(Feed):
    """A file or a pipe, one event a line; empty lines are passed over.

    Parameters
    ----------
    descriptor
        Open for reading.
    receipts
        Where receipts go, line by line; None for nowhere.
    """

    def __init__(self, descriptor: int, group: int, receipts: IO[str] | None) -> None:
        super().__init__(group)
        self._descriptor = descriptor
        self._receipts = receipts

    def batches(self) -> Iterator[list[bytes]]:
        """Yield what is there; a pipe that has nothing is waited for."""
        rest = b""
        while data := os.read(self._descriptor, _READ_BYTES):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > MAX_EVENT_BYTES:
                # Too long for an event: it is handed over as it is, and refused.
                lines.append(rest)
                rest = b""
            yield from self._grouped(lines)
        yield from self._grouped([rest])

    def answer(self, receipts: Sequence[Receipt]) -> None:
        """Write the receipts."""
        if self._receipts is not None:
            self._receipts.writelines(f"{receipt_line(receipt)}\n" for receipt in receipts)
            self._receipts.flush()

    def close(self) -> None:
        """Close the file or pipe."""
        os.close(self._descriptor)

    def _grouped(self, lines: Sequence[bytes]) -> Iterator[list[bytes]]:
        events = [line for line in lines if line.strip()]
        for start in range(0, len(events), self.group):
            yield events[start : start + self.group]


class SocketFeed(Feed):
    """A WebSocket: each message is one event, and the receipts of a batch go back as one message, one a line.

    Parameters
    ----------
    url
        ``ws://HOST:PORT/PATH`` or ``wss://…``.
    """

    def __init__(self, url: str, group: int) -> None:
        super().__init__(group)
        try:
            from websockets.exceptions import ConnectionClosed, WebSocketException
            from websockets.sync.client import connect
        except ModuleNotFoundError:
            raise missing_extra("websockets", "venue") from None
        self._closed = ConnectionClosed
        self._stack = ExitStack()
        try:
            self._socket: Any = self._stack.enter_context(connect(url, max_size=MAX_EVENT_BYTES))
        except (OSError, WebSocketException, ValueError) as error:
            raise InputError("events", f"the WebSocket cannot be reached: {type(error).__name__}") from None

    def batches(self) -> Iterator[list[bytes]]:
        """Yield what has arrived, until the other side closes."""
        try:
            while True:
                events = [_encoded(self._socket.recv())]
                while len(events) < self.group:
                    try:
                        events.append(_encoded(self._socket.recv(timeout=0)))
                    except TimeoutError:
                        break
                yield events
        except self._closed:
            return

    def answer(self, receipts: Sequence[Receipt]) -> None:
        """Send the receipts back.

        Raises
        ------
        ToolError
            The other side has gone; the events are kept, and are answered as repeated when they come again.
        """
        try:
            self._socket.send("\n".join(map(receipt_line, receipts)))
        except self._closed:
            raise ToolError("events: the WebSocket closed before its receipts were sent") from None

    def close(self) -> None:
        """Close the connection."""
        self._stack.close()


def is_socket(source: str) -> bool:
    """Return whether a source is a WebSocket, through which receipts go back."""
    return source.startswith(_SOCKETS)


def open_feed(source: str, group: int, receipts: IO[str] | None) -> Feed:
    """Return the feed that `source` names: ``-``, a WebSocket's URL, or a file.

    Raises
    ------
    InputError
        It cannot be read.
    """
    if is_socket(source):
        return SocketFeed(source, group)
    if source == "-":
        return StreamFeed(os.dup(sys.stdin.fileno()), group, receipts)
    try:
        return StreamFeed(os.open(Path(source), os.O_RDONLY | os.O_CLOEXEC), group, receipts)
    except OSError as error:
        raise InputError(source, f"cannot be read: {error.strerror or type(error).__name__}") from None


def _encoded(message: str | bytes) -> bytes:
    return message.encode() if isinstance(message, str) else message

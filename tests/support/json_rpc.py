"""JSON-RPC over HTTP in front of an eth-tester chain, worded as go-ethereum does, with requests that can fail."""

from __future__ import annotations

import ast
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

pytest.importorskip("eth_tester", reason="eth-tester is not installed")

from eth_tester import EthereumTester
from eth_tester.exceptions import BlockNotFound, TransactionFailed, TransactionNotFound, ValidationError
from eth_utils.exceptions import ValidationError as InvalidTransaction

from tests.support.evm import DEPLOYER

#: An error of the protocol: code, message, data.
Failure = tuple[int, str, str | None]


class Dropped(Exception):
    """The connection ends without an answer."""


class RpcNode:
    """A node that answers what a keeper asks.

    Parameters
    ----------
    tester
        The chain.
    """

    def __init__(self, tester: EthereumTester) -> None:
        self.tester = tester
        self.url = ""
        self.asked: list[str] = []
        #: Called before a request is done, and after; raise `Dropped`, or return an error to answer instead.
        self.before: Callable[[str], Failure | None] = lambda _method: None
        self.after: Callable[[str], Failure | None] = lambda _method: None
        self._lock = threading.Lock()
        self._methods: dict[str, Callable[..., Any]] = {
            "eth_chainId": lambda: hex(self.tester.backend.chain.chain_id),
            "eth_getCode": lambda address, _at: self.tester.get_code(address),
            "eth_getTransactionCount": lambda address, at: hex(self.tester.get_nonce(address, _number(at))),
            "eth_maxPriorityFeePerGas": lambda: hex(10**9),
            "eth_getBlockByNumber": self._block,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getTransactionByHash": self._transaction,
            "eth_call": self._call,
            "eth_sendRawTransaction": self._send,
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the response to a request."""
        method = request["method"]
        self.asked.append(method)
        with self._lock:
            failure = self.before(method)
            if failure is None:
                try:
                    result: Any = self._methods[method](*request["params"])
                    failure = self.after(method)
                except (TransactionNotFound, BlockNotFound):
                    result = None
                except TransactionFailed as error:
                    failure = 3, "execution reverted", _revert_data(error)
                except (ValidationError, InvalidTransaction) as error:
                    failure = -32000, str(error), None
        response = {"jsonrpc": "2.0", "id": request["id"]}
        if failure is None:
            return {**response, "result": result}
        code, message, data = failure
        return {**response, "error": {"code": code, "message": message, **({"data": data} if data else {})}}

    def _block(self, at: str, _full: bool) -> dict[str, Any]:
        return _camel(self.tester.get_block_by_number(_number(at)))

    def _receipt(self, name: str) -> dict[str, Any]:
        return _camel(self.tester.get_transaction_receipt(name))

    def _transaction(self, name: str) -> dict[str, Any]:
        content = self.tester.get_transaction_by_hash(name)
        return _camel({key: content[key] for key in ("hash", "nonce", "from", "to", "block_hash", "block_number")})

    def _call(self, asked: dict[str, Any], at: str) -> str:
        content = {key: asked[key] for key in ("from", "to", "data") if key in asked}
        return str(self.tester.call({"from": DEPLOYER, **content, "gas": 10_000_000}, _number(at)))

    def _send(self, raw: str) -> str:
        return str(self.tester.send_raw_transaction(raw))


def _number(at: str) -> str | int:
    return int(at, 16) if at.startswith("0x") else at


def _camel(content: Any) -> Any:
    """Return a value in JSON-RPC's spelling: names in camel case, numbers in hexadecimal."""
    if isinstance(content, dict):
        return {_camel_name(key): _camel(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_camel(value) for value in content]
    if isinstance(content, bytes):
        return f"0x{content.hex()}"
    return hex(content) if type(content) is int else content


def _camel_name(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


def _revert_data(error: TransactionFailed) -> str:
    """Return the output of a reverted call, which eth-tester has as Python writes bytes."""
    return f"0x{ast.literal_eval(str(error)).hex()}"


@contextmanager
def rpc_node(tester: EthereumTester) -> Iterator[RpcNode]:
    """Serve a chain on a free port of this machine."""
    logging.getLogger("eth").setLevel(logging.ERROR)
    node = RpcNode(tester)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                content = json.dumps(node.answer(request)).encode()
            except Dropped:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    node.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

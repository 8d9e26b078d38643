"""A node's answers, in the spellings that nodes have; and what is never shown of a URL or a key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("web3", reason="web3 is not installed: pip install 'zk-m2m[onchain]'")
pytest.importorskip("eth_tester", reason="eth-tester is not installed")

from eth_tester import EthereumTester, PyEVMBackend
from web3 import Web3

from prover.keeper.deployment import Deployed, Deployment
from prover.keeper.node import GAS_LIMIT, RegistryNode, signer
from prover.keeper.types import Breach, Evidence, Fees, NodeFailure, Revert, State
from prover.paths import project_root
from rtnet_core.errors import InputError
from tests.support.json_rpc import Dropped, RpcNode, rpc_node

ERRORS = [
    {"type": "error", "name": "Stale", "inputs": [{"name": "ageMs", "type": "uint256"}]},
    {"type": "error", "name": "NotNewer", "inputs": []},
]
SUBMIT = {
    "type": "function",
    "name": "submitAccountProof",
    "stateMutability": "nonpayable",
    "inputs": [
        {"name": "commitment", "type": "bytes32"},
        {"name": "number", "type": "uint32"},
        {"name": "statement", "type": "uint256[6]"},
        {"name": "proof", "type": "uint256[8]"},
    ],
    "outputs": [],
}
REGISTRY = Deployed("SolvencyRegistry", f"0x{'ab' * 20}", [SUBMIT, *ERRORS], "00" * 32)
DEPLOYMENT = Deployment(31_337, REGISTRY, Deployed("AccountSmallVerifier", f"0x{'cd' * 20}", [], "00" * 32))
BREACH = Breach(1, "ada", bytes(32), 10_000, 1, 0, State.PROVED, "", 1, None)
EVIDENCE = Evidence(1, 0, (0, 1, 2, 3, 10_000, 5), tuple(range(8)))
STALE = Web3.keccak(text="Stale(uint256)").hex()[:8] + f"{9:064x}"
NOT_NEWER = Web3.keccak(text="NotNewer()").hex()[:8]


@pytest.fixture(scope="module")
def served() -> Iterator[RpcNode]:
    with rpc_node(EthereumTester(PyEVMBackend())) as node:
        yield node


@pytest.fixture
def server(served: RpcNode) -> Iterator[RpcNode]:
    yield served
    served.before = served.after = lambda _method: None


def registry(server: RpcNode, url: str = "") -> RegistryNode:
    return RegistryNode(url or server.url, DEPLOYMENT, bytes(32), signer(f"0x{1:064x}"), timeout_s=5)


@pytest.mark.filterwarnings("ignore:Could not decode revert reason")
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (f"0x{STALE}", Revert("Stale", (9,))),
        (f"Reverted 0x{STALE}", Revert("Stale", (9,))),
        (f"0x{NOT_NEWER}", Revert("NotNewer")),
        (f"0x{STALE[:40]}", Revert("Stale")),
        ("0x12345678", Revert("reverted", ("0x12345678",))),
        (None, Revert("reverted", ("without a reason",))),
        ({"data": f"0x{NOT_NEWER}"}, Revert("NotNewer")),
    ],
)
def test_a_revert_is_named_in_every_spelling(server: RpcNode, data: Any, expected: Revert) -> None:
    server.before = lambda method: (3, "execution reverted", data) if method == "eth_call" else None
    assert registry(server).refusal(BREACH, EVIDENCE) == expected


def test_a_revert_does_not_send_the_keeper_anywhere(server: RpcNode) -> None:
    """EIP-3668 would have a caller ask a URL out of the revert."""
    lookup = "556f1830" + "".join(f"{word:064x}" for word in (0xAB, 0xA0, 0xE0, 0, 0xE0, 1, 0x20, 0))
    server.before = lambda method: (3, "execution reverted", f"0x{lookup}") if method == "eth_call" else None
    try:
        found = registry(server).refusal(BREACH, EVIDENCE)
    except NodeFailure:
        return
    assert found is not None
    assert found.name == "reverted"


def test_failures_do_not_quote_the_url(server: RpcNode) -> None:
    def drop(_method: str) -> None:
        raise Dropped

    server.before = drop
    with pytest.raises(NodeFailure) as dropped:
        registry(server, f"{server.url}/secret-access-key").head()
    with pytest.raises(NodeFailure) as refused:
        registry(server, "http://127.0.0.1:9/secret-access-key").head()
    for caught in (dropped, refused):
        assert str(caught.value) == "node 127.0.0.1: ConnectionError"
    server.before = lambda _method: (-32005, "rate\nlimited", None)
    with pytest.raises(NodeFailure, match="node 127.0.0.1: rate limited"):
        registry(server).head()


def test_the_same_arguments_give_the_same_bytes_and_other_fees_other_bytes(server: RpcNode) -> None:
    node = registry(server)
    first = node.sign(BREACH, EVIDENCE, 4, Fees(10, 1), 7)
    assert first == node.sign(BREACH, EVIDENCE, 4, Fees(10, 1), 7)
    assert first.hash == f"0x{Web3.keccak(first.raw).hex()}"
    assert first.hash != node.sign(BREACH, EVIDENCE, 4, Fees(12, 2), 7).hash
    assert not node.is_known(first.hash)
    assert node.mined(first.hash) is None
    assert "raw" not in repr(first)


@pytest.mark.parametrize("url", ["ftp://host", "host:8545", "", "http://"])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(InputError, match="--rpc"):
        RegistryNode(url, DEPLOYMENT, bytes(32), signer(f"0x{1:064x}"))


@pytest.mark.parametrize("key", ["", "0x", "00" * 32, "ff" * 32, "my secret", "0x" + "12" * 31])
def test_a_private_key_that_is_none_is_not_shown(key: str) -> None:
    with pytest.raises(InputError) as caught:
        signer(key)
    assert str(caught.value).startswith("private key: must be 64 hexadecimal digits")
    assert caught.value.__cause__ is None


def test_the_gas_limit_leaves_room_over_what_was_measured() -> None:
    calls = json.loads((project_root() / "benchmarks" / "results" / "gas.json").read_text())["calls"]
    gas = [row["gas"] for row in calls if row["call"] == "submitAccountProof"]
    assert 332_000 < max(gas) < 334_000
    assert 4 * max(gas) < 3 * GAS_LIMIT

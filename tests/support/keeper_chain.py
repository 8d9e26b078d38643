"""A running engine with an account that falls, its epoch proven on a local node's registry, and what a keeper needs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("web3", reason="web3 is not installed: pip install 'zk-m2m[onchain]'")
pytest.importorskip("eth_tester", reason="eth-tester is not installed")

from eth_tester import EthereumTester
from web3 import EthereumTesterProvider, Web3

from benchmarks.local_node import LocalNode
from examples.deploy_registry import code_hashes
from prover.keys import development_keys
from rtnet_core.engine.core import Engine
from rtnet_core.engine.cut import cut_accounts
from rtnet_core.engine.log import SqlLog
from rtnet_core.limits import PROFILES
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from tests.support.command_line import zkm2m, zkm2m_json
from tests.support.engines import USD, applied, line, trade
from tests.support.epochs import House
from tests.support.json_rpc import RpcNode, rpc_node
from tests.support.onchain import (
    HOLDER,
    OWNER,
    THRESHOLD_BPS,
    Proven,
    ProvenEpoch,
    Registry,
    contracts,
    handle,
    proven_epoch,
)
from tests.support.oracles import oracle_set

#: The private keys of the venue's owner and of nobody in particular; the node has given means to both.
OWNER_KEY, STRANGER_KEY = (f"0x{number:064x}" for number in (2, 4))
FALLEN, OTHER = "ada", "bob"
#: Options of every run on a local node.
LOCAL = ("--max-fee-gwei", 10, "--confirmations", 2, "--allow-development")


@dataclass
class Scene:
    """All of it.

    Attributes
    ----------
    folder
        Of the engine's log, the epochs and the journal.
    engine
        The one that writes the log.
    house
        The venue that proves epochs.
    registry
        On the local node, with the epoch posted and both accounts listed.
    tester, node
        The chain, and its JSON-RPC.
    """

    folder: Path
    engine: Engine
    house: House
    registry: Registry
    tester: EthereumTester
    node: RpcNode

    @property
    def journal(self) -> Path:
        """The keeper's journal."""
        return self.folder / "journal.sqlite"

    def words(self, *more: object, key: str = OWNER_KEY) -> list[object]:
        """Return the words of `keeper run`, with the key in a file."""
        path = self.folder / "keeper.key"
        path.write_text(f"{key}\n")
        path.chmod(0o600)
        return [
            *("keeper", "run", self.journal, "--log", self.folder / "venue.sqlite", "--epochs", self.house.epochs),
            *("--contracts", self.folder, "--accounts", self.folder / "listed.json", "--key-file", path),
            *("--venue-key", self.registry.proven.key.hex(), "--rpc", self.node.url, *LOCAL, *more),
        ]

    def keep(self, *more: object, key: str = OWNER_KEY) -> Any:
        """Do what can be done now, and return what the command printed."""
        return zkm2m_json(*self.words("--once", *more, key=key))

    def refused(self, *more: object, key: str = OWNER_KEY) -> str:
        """Return what a run that must fail says."""
        result = zkm2m(*self.words("--once", *more, key=key))
        assert result.exit_code != 0, result.output
        return result.stderr

    def entry(self, account: str = FALLEN) -> tuple[Any, ...]:
        """Return what the registry says of an account."""
        commitment = self.registry.proven.commitment(account)
        web3 = Web3(EthereumTesterProvider(self.tester))
        address = Web3.to_checksum_address(self.registry.contract.address)
        found = web3.eth.contract(address=address, abi=contracts("small")["SolvencyRegistry"]["abi"])
        return tuple(found.functions.accounts(commitment).call())

    def raised(self) -> int:
        """Return how many events in the chain say that a flag was raised."""
        topic = Web3.keccak(text="LiquidationFlagRaised(bytes32,uint32)").hex()
        return len(self.tester.get_logs(from_block=0, to_block="latest", topics=[f"0x{topic}"]))

    def owner_nonce(self) -> int:
        """Return how many transactions the venue's owner has sent."""
        return int(self.tester.get_nonce(OWNER))


@contextmanager
def keeper_scene(folder: Path) -> Iterator[Scene]:
    """Let an account of an engine fall below its margin, prove the epoch that shows it, and post it to a local node."""
    for circuit in ("account-small", "batch-small", "merge-small", "market-small"):
        development_keys(circuit)
    # A little in the past: the market must not be from the node's future.
    market = sample_market(5, "small", time.time_ns() // 1_000_000 - 60_000)
    log = SqlLog.open(str(folder / "venue.sqlite"), create=True)
    engine = Engine.create(log, market, default_params(market))
    _fall(engine)
    house = House(folder, engine.venue.live.rates.snapshot)
    sizes = PROFILES["small"]
    oracles = oracle_set(sizes.oracles, sizes.quorum)
    made = proven_epoch(house, oracles, list(cut_accounts(engine)), None)
    chain = LocalNode(contracts("small"))
    registry = Registry(Proven(house, oracles, [made], None), chain)  # type: ignore[arg-type]
    registry.post_epoch(1)
    for account in (FALLEN, OTHER):
        registry.list_account(account)
    _write_files(folder, registry, chain)
    with rpc_node(chain.tester) as node:
        yield Scene(folder, engine, house, registry, chain.tester, node)
    log.close()


def next_epoch(scene: Scene) -> ProvenEpoch:
    """Prove the engine's book of now, and post it."""
    scene.house.snapshot = scene.engine.venue.live.rates.snapshot
    proven = scene.registry.proven
    made = proven_epoch(scene.house, proven.oracles, list(cut_accounts(scene.engine)), proven.epochs[-1].record)
    proven.epochs.append(made)
    scene.registry.post_epoch(len(proven.epochs))
    return made


def _fall(engine: Engine) -> None:
    """Let one account buy on margin, and the price fall."""
    market = engine.venue.live.rates.snapshot
    perpetual = next(entry for entry in market.instruments if entry.underlying == "BTC")
    for name in (FALLEN, OTHER):
        applied(engine, line("open", f"open-{name}", account=name, owner=name))
        applied(engine, line("deposit", f"fund-{name}", account=name, asset="USD", amount=10_000 * USD))
    applied(engine, trade("t", FALLEN, OTHER, 3_000, perpetual.forward_ticks, perpetual.name))
    move_price(engine, "fall", perpetual.forward_ticks * 7 // 10)
    assert [engine.venue.ledger.ids[row] for row in engine.venue.live.below_maintenance] == [FALLEN]


def move_price(engine: Engine, event_id: str, ticks: int) -> None:
    """Move the perpetual's price, a second later."""
    market = engine.venue.live.rates.snapshot
    name = next(entry.name for entry in market.instruments if entry.underlying == "BTC")
    applied(engine, line("prices", event_id, time_ms=market.time_ms + 1_000, forward_ticks={name: ticks}))
    engine.commit()


def _write_files(folder: Path, registry: Registry, chain: LocalNode) -> None:
    """Write what the deployment script and the venue would have left."""
    addresses = {
        "SolvencyRegistry": registry.contract.address,
        **{f"{kind.capitalize()}SmallVerifier": made.address for kind, made in registry.verifiers.items()},
    }
    deployment = {
        "chain_id": chain.chain_id,
        "governor": HOLDER,
        "contracts": addresses,
        "code_keccak": code_hashes(Web3(EthereumTesterProvider(chain.tester)), addresses),
    }
    (folder / "deployment.json").write_text(json.dumps(deployment))
    (folder / "contracts.json").write_text(json.dumps({"contracts": contracts("small")}))
    listed = [
        {"id": account, "handle": handle(account).hex(), "threshold_bps": THRESHOLD_BPS} for account in (FALLEN, OTHER)
    ]
    (folder / "listed.json").write_text(json.dumps({"format": "zkm2m/keeper-accounts/v1", "accounts": listed}))

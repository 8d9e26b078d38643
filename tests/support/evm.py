"""An EVM to try contracts in: calls by name, with values, events and custom errors decoded."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

pyrevm = pytest.importorskip("pyrevm", reason="pyrevm, the EVM of these tests, is not installed")
eth_abi = pytest.importorskip("eth_abi", reason="eth-abi is not installed")
eth_utils = pytest.importorskip("eth_utils", reason="eth-utils is not installed")

CHAIN_ID = 31_337
GAS_LIMIT = 15_000_000
#: The account that deploys contracts: that of the private key 1.
DEPLOYER = "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"
#: Topics and data.
Log = tuple[list[bytes], bytes]


class Reverted(Exception):
    """A call was reverted: with the custom error of that name and these arguments, or another way (``halt``)."""

    def __init__(self, name: str, values: tuple[Any, ...] = ()) -> None:
        self.name, self.values = name, values
        super().__init__(f"{name}{values}")


@dataclass(frozen=True)
class Event:
    """An event: its name, and the arguments that are not indexed behind those that are."""

    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Receipt:
    """What a call did."""

    values: tuple[Any, ...]
    events: list[Event]
    gas: int


def _bytes(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal.removeprefix("0x"))


def _types(entries: Sequence[dict[str, Any]]) -> list[str]:
    """Return the types of ABI entries as eth-abi spells them."""
    spelled = []
    for entry in entries:
        kind = entry["type"]
        if kind.startswith("tuple"):
            kind = f"({','.join(_types(entry['components']))}){kind.removeprefix('tuple')}"
        spelled.append(kind)
    return spelled


class Contract:
    """A deployed contract: calls by name, with errors and events decoded."""

    def __init__(self, chain: Chain, name: str, *arguments: Any) -> None:
        self._chain, self._abi = chain, chain.contracts[name]["abi"]
        self._constructor = next((e for e in self._abi if e["type"] == "constructor"), {"inputs": []})
        code = bytes.fromhex(chain.contracts[name]["bytecode"][2:])
        code += eth_abi.encode(_types(self._constructor["inputs"]), arguments)
        self.address, self.deployment_gas = chain.deploy(code)

    def call(self, caller: str, function: str, *arguments: Any) -> Receipt:
        """Return what a transaction did; raises `Reverted`."""
        entry = next(e for e in self._abi if e["type"] == "function" and e["name"] == function)
        data = _selector(entry) + eth_abi.encode(_types(entry["inputs"]), arguments)
        output, gas, logs = self._chain.send(caller, self.address, data)
        values = eth_abi.decode(_types(entry["outputs"]), output) if entry["outputs"] else ()
        return Receipt(tuple(values), [self._event(*log) for log in logs], gas)

    def reverted(self, caller: str, function: str, *arguments: Any) -> Reverted:
        """Return how a call is reverted, which it must be."""
        with pytest.raises(Reverted) as caught:
            self.call(caller, function, *arguments)
        return caught.value

    def _event(self, topics: list[bytes], data: bytes) -> Event:
        entry = next(e for e in self._abi if e["type"] == "event" and _topic(e) == topics[0])
        indexed = [e for e in entry["inputs"] if e["indexed"]]
        first = [eth_abi.decode(_types([e]), topic)[0] for e, topic in zip(indexed, topics[1:], strict=True)]
        rest = eth_abi.decode(_types([e for e in entry["inputs"] if not e["indexed"]]), data)
        return Event(entry["name"], (*first, *rest))


def _topic(entry: dict[str, Any]) -> bytes:
    return bytes(eth_utils.keccak(text=f"{entry['name']}({','.join(_types(entry['inputs']))})"))


def _selector(entry: dict[str, Any]) -> bytes:
    return _topic(entry)[:4]


class Chain:
    """An EVM with a clock.

    Parameters
    ----------
    contracts
        Compiled contracts by name: abi, bytecode, selectors.
    chain_id
        Of the chain.
    """

    def __init__(self, contracts: Mapping[str, Any], chain_id: int = CHAIN_ID) -> None:
        self.contracts, self._chain_id = contracts, chain_id
        self._evm = pyrevm.EVM(env=pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=chain_id)), spec_id="CANCUN")

    @property
    def chain_id(self) -> int:
        """Of the chain."""
        return self._chain_id

    def at(self, time_ms: int) -> None:
        """Set the time of the next calls."""
        self._evm.set_block_env(pyrevm.BlockEnv(number=1, timestamp=time_ms // 1000))

    def deploy(self, code: bytes) -> tuple[str, int]:
        """Return the address of new code, and the gas."""
        address = self._run(lambda: self._evm.deploy(DEPLOYER, code))
        return address, self._evm.result.gas_used

    def send(self, caller: str, to: str, data: bytes) -> tuple[bytes, int, list[Log]]:
        """Return the output of a transaction, its gas and its logs.

        The gas is not that of a chain: storage that an earlier call has touched is still warm, as if all calls were one
        transaction.
        """
        output = self._run(lambda: self._evm.message_call(caller, to, data, gas=GAS_LIMIT))
        logs = [([_bytes(topic) for topic in log.topics], log.data[1]) for log in self._evm.result.logs]
        return bytes(output), self._evm.result.gas_used, logs

    def _run(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except RuntimeError as error:
            found = re.fullmatch(r"Revert \{ gas_used: \d+, output: 0x([0-9a-f]*) \}", str(error))
            raise (self._error(bytes.fromhex(found[1])) if found else Reverted(f"halt: {error}")) from None

    def _error(self, output: bytes) -> Reverted:
        """Return the custom error that stands in the output of a reverted call."""
        for contract in self.contracts.values():
            for entry in contract["abi"]:
                if entry["type"] == "error" and _selector(entry) == output[:4]:
                    return Reverted(entry["name"], tuple(eth_abi.decode(_types(entry["inputs"]), output[4:])))
        return Reverted(f"0x{output.hex()}")

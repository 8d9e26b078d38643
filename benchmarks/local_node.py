"""A chain of one node in this process, py-evm behind eth-tester: each call is a transaction in a block of its own."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed

from tests.support.evm import DEPLOYER, GAS_LIMIT, Chain, Log, Reverted


class LocalNode(Chain):
    """A chain that tells the gas of each transaction as its receipt has it; the node knows the private keys 1 to 10.

    Parameters
    ----------
    contracts
        Compiled contracts by name.

    Notes
    -----
    Its time begins now, and runs forward only.
    """

    def __init__(self, contracts: Mapping[str, Any]) -> None:
        logging.getLogger("eth").setLevel(logging.ERROR)
        self.contracts = contracts
        parameters = PyEVMBackend.generate_genesis_params({"gas_limit": 2 * GAS_LIMIT})
        self.tester = EthereumTester(PyEVMBackend(genesis_parameters=parameters))

    @property
    def chain_id(self) -> int:
        """Of the node."""
        return int(self.tester.backend.chain.chain_id)

    def at(self, time_ms: int) -> None:
        """Set the time of the next block, unless it has passed."""
        if time_ms // 1000 > self.tester.get_block_by_number("pending")["timestamp"]:
            self.tester.time_travel(time_ms // 1000)

    def deploy(self, code: bytes) -> tuple[str, int]:
        """Return the address of new code, and the gas."""
        receipt = self._transact(DEPLOYER, {"data": f"0x{code.hex()}"})
        return str(receipt["contract_address"]).lower(), int(receipt["gas_used"])

    def send(self, caller: str, to: str, data: bytes) -> tuple[bytes, int, list[Log]]:
        """Return the output of a transaction, its gas and its logs."""
        asked = {"to": to, "data": f"0x{data.hex()}"}
        try:
            output = self.tester.call({"from": caller, "gas": GAS_LIMIT, **asked})
        except TransactionFailed as failure:
            raise Reverted(str(failure)) from None
        receipt = self._transact(caller, asked)
        logs = [([_bytes(topic) for topic in log["topics"]], _bytes(log["data"])) for log in receipt["logs"]]
        return _bytes(output), int(receipt["gas_used"]), logs

    def _transact(self, caller: str, asked: Mapping[str, str]) -> Any:
        done = self.tester.send_transaction({"from": caller, "gas": GAS_LIMIT, **asked})
        return self.tester.get_transaction_receipt(done)


def _bytes(hexadecimal: Any) -> bytes:
    return bytes.fromhex(str(hexadecimal).removeprefix("0x"))

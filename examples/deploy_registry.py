"""Deploy what ``zkm2m export solidity --out contracts --compile`` wrote: the four verifiers, then the registry.

    DEPLOYER_KEY=0x… python examples/deploy_registry.py contracts --rpc https://… --governor 0x…

Needs web3 (``pip install 'zk-m2m[onchain]'``). The key is read from the environment alone, so that it is in no process
list. What was deployed is written to ``contracts/deployment.json``: addresses, and the hash of the code at each.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from web3 import Web3

KINDS = ("Account", "Batch", "Merge", "Market")
#: Above what the registry takes, and below what a transaction may take at all (2^24).
GAS_LIMIT = 8_000_000


def deploy(
    web3: Web3, contracts: dict[str, Any], governor: str, key: str, *, allow_development: bool
) -> dict[str, str]:
    """Return the address of each contract by its name.

    Raises
    ------
    SystemExit
        The contracts are not those of one whole profile, a transaction failed, or a key is a development key and none
        is allowed.
    """
    account = web3.eth.account.from_key(key)
    profile = _profile(contracts)

    def send(name: str, *arguments: Any) -> str:
        made = web3.eth.contract(abi=contracts[name]["abi"], bytecode=contracts[name]["bytecode"])
        transaction = made.constructor(*arguments).build_transaction(
            {
                "from": account.address,
                "nonce": web3.eth.get_transaction_count(account.address),
                "chainId": web3.eth.chain_id,
                "gas": GAS_LIMIT,
            }
        )
        signed = account.sign_transaction(transaction)
        receipt = web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(signed.raw_transaction))
        if receipt["status"] != 1:
            raise SystemExit(f"{name} was not deployed: its transaction {receipt['transactionHash'].hex()} failed")
        return str(receipt["contractAddress"])

    addresses: dict[str, str] = {}
    for kind in KINDS:
        name = f"{kind}{profile}Verifier"
        addresses[name] = send(name)
        made = web3.eth.contract(address=Web3.to_checksum_address(addresses[name]), abi=contracts[name]["abi"])
        if made.functions.DEVELOPMENT_KEY().call() and not allow_development:
            raise SystemExit(f"{name} is of a development key: whoever made it can forge proofs (--allow-development)")
    verifiers = [Web3.to_checksum_address(address) for address in addresses.values()]
    addresses["SolvencyRegistry"] = send("SolvencyRegistry", Web3.to_checksum_address(governor), *verifiers)
    return addresses


def code_hashes(web3: Web3, addresses: dict[str, str]) -> dict[str, str]:
    """Return Keccak-256 of the code at each address by the contract's name: what later callers hold a node to."""
    return {
        name: web3.keccak(web3.eth.get_code(Web3.to_checksum_address(address))).hex()
        for name, address in addresses.items()
    }


def _profile(contracts: dict[str, Any]) -> str:
    profiles = {match[1] for name in contracts if (match := re.fullmatch("Account([A-Z][a-z]+)Verifier", name))}
    for profile in profiles:
        if {*(f"{kind}{profile}Verifier" for kind in KINDS), "SolvencyRegistry"} <= set(contracts):
            return profile
    raise SystemExit("the folder does not hold a registry and the four verifiers of its profile")


def main(
    folder: Annotated[Path, typer.Argument(metavar="CONTRACTS", help="The folder that was exported.")],
    rpc: Annotated[str, typer.Option("--rpc", metavar="URL", help="A node of the chain.")],
    governor: Annotated[str, typer.Option("--governor", metavar="ADDRESS", help="Who enters venues and roots.")],
    allow_development: Annotated[bool, typer.Option("--allow-development", help="For a test chain only.")] = False,
) -> None:
    """Deploy and write the addresses beside the contracts."""
    key = os.environ.get("DEPLOYER_KEY")
    if not key:
        raise SystemExit("set DEPLOYER_KEY to the private key that pays for the deployment")
    web3 = Web3(Web3.HTTPProvider(rpc))
    contracts = json.loads((folder / "contracts.json").read_text())["contracts"]
    addresses = deploy(web3, contracts, governor, key, allow_development=allow_development)
    deployment = {
        "chain_id": web3.eth.chain_id,
        "governor": governor,
        "contracts": addresses,
        "code_keccak": code_hashes(web3, addresses),
    }
    (folder / "deployment.json").write_text(json.dumps(deployment, indent=2) + "\n")
    for name, address in addresses.items():
        typer.echo(f"{address}  {name}")


if __name__ == "__main__":
    typer.run(main)

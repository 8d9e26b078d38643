"""A registry over JSON-RPC: what it says, what it would refuse, and transactions to it.

What ``eth_sendRawTransaction`` answers decides nothing: nodes word the same thing in many ways, and one that times out
may have taken the transaction. What became of it is read from receipts and nonces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast
from urllib.parse import urlsplit

from prover.keeper.deployment import Deployment
from prover.keeper.types import (
    AccountEntry,
    Breach,
    EpochEntry,
    Evidence,
    Fees,
    Head,
    Mined,
    NodeFailure,
    Revert,
    Transaction,
    VenueEntry,
)
from rtnet_core.errors import InputError, Refusal
from rtnet_core.extras import missing_extra

try:
    from eth_abi.abi import decode
    from eth_abi.exceptions import DecodingError
    from eth_account import Account
    from eth_account.signers.local import LocalAccount
    from eth_typing import BlockNumber
    from requests import RequestException
    from web3 import HTTPProvider, Web3
    from web3.exceptions import (
        BlockNotFound,
        ContractLogicError,
        TransactionNotFound,
        Web3Exception,
        Web3RPCError,
    )
    from web3.middleware import ExtraDataToPOAMiddleware
    from web3.types import BlockIdentifier, Nonce, TxParams, Wei
except ModuleNotFoundError:
    raise missing_extra("web3", "onchain") from None

#: A proof of a breach takes about 333,000 (benchmarks/results/gas.json). A failing precompile takes 63/64 of the rest.
GAS_LIMIT: Final = 500_000


def signer(private_key: str) -> LocalAccount:
    """Return the account of a private key.

    Raises
    ------
    InputError
        It is no private key; the message does not show it.
    """
    try:
        return cast(LocalAccount, Account.from_key(private_key))
    except Exception:  # noqa: BLE001 - whatever the library raises may quote the key
        raise InputError("private key", "must be 64 hexadecimal digits, of a number below the curve's order") from None


class RegistryNode:
    """A registry behind a node, for one venue and one sender.

    Parameters
    ----------
    url
        Of the node; it may hold an access key and is never shown.
    deployment
        Which registry, on which chain.
    venue
        The venue's Ed25519 key, 32 bytes.
    account
        Signs the transactions.
    timeout_s
        Of one request.
    """

    def __init__(
        self, url: str, deployment: Deployment, venue: bytes, account: LocalAccount, timeout_s: float = 20.0
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError("--rpc", "must be a URL of http or https")
        self._host = parts.hostname
        provider = HTTPProvider(url, request_kwargs={"timeout": timeout_s}, exception_retry_configuration=None)
        # A revert must not send web3 to a URL of the node's choice (EIP-3668).
        provider.global_ccip_read_enabled = False
        self._web3 = Web3(provider)
        # Chains of a known set of producers put more into a block's header than web3 takes by itself.
        self._web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        self._deployment, self._venue, self._account = deployment, venue, account
        address = Web3.to_checksum_address(deployment.registry.address)
        self._registry = self._web3.eth.contract(address=address, abi=deployment.registry.abi)
        self._errors = _errors(deployment.registry.abi + deployment.account_verifier.abi)

    @property
    def chain_id(self) -> int:
        """Of the chain that transactions are signed for."""
        return self._deployment.chain_id

    @property
    def contract(self) -> str:
        """The registry's address, in lower case."""
        return self._deployment.registry.address

    @property
    def sender(self) -> str:
        """The address that signs, in lower case."""
        return str(self._account.address).lower()

    def require_deployment(self, *, allow_development: bool) -> None:
        """Check that the node is of this chain and that the contracts are the ones that were deployed.

        Raises
        ------
        Refusal
            ``wrong_chain``; ``wrong_code``: other code, or another verifier behind the registry; ``development_key``.
        NodeFailure
            The node did not answer.
        """
        with self._asked():
            found = self._web3.eth.chain_id
            if found != self.chain_id:
                raise Refusal("wrong_chain", f"the node is of chain {found}, the contracts of chain {self.chain_id}")
            for made in (self._deployment.registry, self._deployment.account_verifier):
                code = self._web3.eth.get_code(Web3.to_checksum_address(made.address))
                if Web3.keccak(code).hex() != made.code_keccak:
                    raise Refusal("wrong_code", f"at {made.address} stands another {made.name} than was deployed")
            behind = str(self._read("accountVerifier")).lower()
            if behind != self._deployment.account_verifier.address:
                raise Refusal("wrong_code", f"the registry asks the verifier at {behind}")
            if self._read("developmentKeys") and not allow_development:
                message = "the registry's keys are development keys: whoever made them can forge proofs"
                raise Refusal("development_key", message)

    # --- what the registry says

    def venue(self) -> VenueEntry:
        """Return the venue's entry."""
        with self._asked():
            owner, max_age_ms, last_epoch, _, _ = self._read("venues", self._venue)
        return VenueEntry(str(owner).lower(), max_age_ms, last_epoch)

    def account(self, commitment: bytes) -> AccountEntry:
        """Return an account's entry."""
        with self._asked():
            venue, _, threshold_bps, epoch, turn, _, flagged = self._read("accounts", commitment)
        return AccountEntry(bytes(venue), threshold_bps, epoch, turn, flagged)

    def epoch(self, number: int) -> EpochEntry:
        """Return the entry of an epoch of the venue."""
        with self._asked():
            content = self._read("epochs", self._venue, number)
        return EpochEntry(number, bytes(content[0]), content[6])

    def refusal(self, breach: Breach, evidence: Evidence, block: int | None = None) -> Revert | None:
        """Return how the registry would refuse a proof, after `block` or now; None where it takes it."""
        asked: TxParams = {"from": self._account.address, "gas": GAS_LIMIT}
        at: BlockIdentifier = "latest" if block is None else BlockNumber(block)
        call = self._registry.functions.submitAccountProof(*_arguments(breach, evidence))
        with self._asked():
            try:
                call.call(asked, block_identifier=at)
            except ContractLogicError as error:
                return self._revert(error)
        return None

    # --- the chain

    def head(self) -> Head:
        """Return the newest block."""
        with self._asked():
            block = self._web3.eth.get_block("latest")
            return Head(int(block["number"]), 1000 * int(block["timestamp"]), int(block.get("baseFeePerGas", 0)))

    def priority_wei(self) -> int:
        """Return what the node suggests for a block's producer."""
        with self._asked():
            return int(self._web3.eth.max_priority_fee)

    def nonce(self, block: int | None = None, *, pending: bool = False) -> int:
        """Return the sender's next nonce after `block`, or after the newest; with the node's pool, if `pending`."""
        at: BlockIdentifier = BlockNumber(block) if block is not None else "pending" if pending else "latest"
        with self._asked():
            return int(self._web3.eth.get_transaction_count(self._account.address, at))

    def mined(self, transaction_hash: str) -> Mined | None:
        """Return where a transaction was mined, None where no block of the canonical chain holds it."""
        with self._asked():
            try:
                receipt = self._web3.eth.get_transaction_receipt(transaction_hash)  # type: ignore[arg-type]
                block = self._web3.eth.get_block(receipt["blockNumber"])
            except (TransactionNotFound, BlockNotFound):
                return None
            if block["hash"] != receipt["blockHash"]:
                return None
            return Mined(int(receipt["blockNumber"]), receipt["status"] == 1)

    def is_known(self, transaction_hash: str) -> bool:
        """Return whether the node has a transaction, mined or waiting."""
        with self._asked():
            try:
                self._web3.eth.get_transaction(transaction_hash)  # type: ignore[arg-type]
            except TransactionNotFound:
                return False
        return True

    # --- transactions

    def sign(self, breach: Breach, evidence: Evidence, nonce: int, fees: Fees, block: int) -> Transaction:
        """Return a signed transaction, which nothing has been sent of. The same arguments give the same bytes."""
        data = self._registry.encode_abi("submitAccountProof", args=_arguments(breach, evidence))
        content: TxParams = {
            "type": 2,
            "chainId": self.chain_id,
            "to": self._registry.address,
            "value": Wei(0),
            "data": data,
            "nonce": Nonce(nonce),
            "gas": GAS_LIMIT,
            "maxFeePerGas": Wei(fees.max_wei),
            "maxPriorityFeePerGas": Wei(fees.priority_wei),
        }
        signed = self._account.sign_transaction(cast(dict[str, Any], content))
        return Transaction(f"0x{signed.hash.hex()}", breach.id, nonce, fees, block, bytes(signed.raw_transaction))

    def broadcast(self, transaction: Transaction) -> str:
        """Send a transaction and return what the node had to say against it, nothing where it took it."""
        with self._asked():
            try:
                self._web3.eth.send_raw_transaction(transaction.raw)
            except Web3RPCError as error:
                return _words(error)
        return ""

    # --- private

    def _read(self, name: str, *arguments: Any) -> Any:
        return self._registry.get_function_by_name(name)(*arguments).call()

    def _revert(self, error: ContractLogicError) -> Revert:
        # Nodes spell it as 0x…, as "Reverted 0x…", or one level deeper.
        data = error.data.get("data") if isinstance(error.data, dict) else error.data
        found = re.fullmatch(r"(?:Reverted )?0x((?:[0-9a-f]{2})*)", str(data))
        raw = bytes.fromhex(found[1]) if found else b""
        if raw[:4] in self._errors:
            name, types = self._errors[raw[:4]]
            try:
                return Revert(name, tuple(decode(types, raw[4:])))
            except DecodingError:
                return Revert(name)
        return Revert("reverted", (f"0x{raw.hex()}" if raw else "without a reason",))

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Turn whatever a request fails with into a `NodeFailure` that does not quote the URL."""
        try:
            yield
        except (InputError, Refusal, NodeFailure):
            raise
        except Web3RPCError as error:
            raise NodeFailure(f"node {self._host}: {_words(error)}") from None
        except (Web3Exception, RequestException, OSError, ValueError, KeyError, TypeError) as error:
            raise NodeFailure(f"node {self._host}: {type(error).__name__}") from None


def _arguments(breach: Breach, evidence: Evidence) -> tuple[Any, ...]:
    return breach.commitment, evidence.epoch, evidence.statement, evidence.words


def _errors(abi: list[dict[str, Any]]) -> dict[bytes, tuple[str, list[str]]]:
    """Return name and argument types of the errors of an ABI, by their selectors."""
    found = {}
    for entry in abi:
        if entry["type"] == "error":
            types = [part["type"] for part in entry["inputs"]]
            found[bytes(Web3.keccak(text=f"{entry['name']}({','.join(types)})"))[:4]] = entry["name"], types
    return found


def _words(error: Web3RPCError) -> str:
    """Return what a node said, in one line of bounded length."""
    content = error.rpc_response.get("error") if error.rpc_response else None
    message = content.get("message", "") if isinstance(content, dict) else str(content or error)
    return " ".join(str(message).split())[:200]

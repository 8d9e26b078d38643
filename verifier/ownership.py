"""Whether the key of an address signed a message: Ethereum (EIP-191 ``personal_sign``) and Bitcoin (BIP-137, Electrum).

Both libraries are optional: where one is missing, nothing is said about the address, and the caller says why.
"""

from __future__ import annotations

import importlib
import re
from typing import Any, Final, Literal

from rtnet_core.errors import ToolError

#: Which library checks a chain's signatures, as pip and as Python call it.
LIBRARIES: Final = {"ethereum": ("eth-account", "eth_account"), "bitcoin": ("btclib", "btclib.ecc.bms")}

_ETHEREUM_SIGNATURE: Final = re.compile("0x[0-9a-fA-F]{130}")


def signature_holds(chain: Literal["ethereum", "bitcoin"], message: str, address: str, signature: str) -> bool | None:
    """Return whether `signature` over `message` is by the key of `address`; None where the library is not installed.

    Notes
    -----
    Bitcoin: addresses that are a key's hash, P2PKH, P2SH-P2WPKH and P2WPKH, of the main network. For a script or
    Taproot there is no such signature: none holds.
    """
    library = _library(chain)
    if library is None:
        return None
    if chain == "ethereum":
        return _ethereum(library, message, address, signature)
    return _bitcoin(library, message, address, signature)


def _ethereum(eth_account: Any, message: str, address: str, signature: str) -> bool:
    if not _ETHEREUM_SIGNATURE.fullmatch(signature):
        return False
    envelope = importlib.import_module("eth_account.messages").encode_defunct(text=message)
    try:
        signer = eth_account.Account.recover_message(envelope, signature=signature)
    except Exception:  # noqa: BLE001 - the library has errors of many kinds for a signature that is none
        return False
    return bool(signer.lower() == address.lower())


def _bitcoin(bms: Any, message: str, address: str, signature: str) -> bool:
    try:
        # Bytes: a text of hexadecimal digits alone would be taken for what it spells.
        return bms.verify(message.encode(), address, signature) is True
    except Exception:  # noqa: BLE001 - the library has errors of many kinds for a signature that is none
        return False


def _library(chain: str) -> Any:
    package, module = LIBRARIES[chain]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        return None
    except ImportError as error:
        raise ToolError(f"{package} is installed but does not load: {error}") from error

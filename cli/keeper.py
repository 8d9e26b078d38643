"""``zkm2m keeper``: bring the margin breaches of a running engine to a registry, each once."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import typer
from rich.console import Console
from rich.text import Text

from cli.epoch_store import StoreOption
from cli.errors import ExitCode
from cli.files import read_bytes
from cli.options import JsonFlag, ProverBackend
from cli.render import console, facts, print_json, table, utc, visible
from prover.atomic import exit_on_termination
from rtnet_core.errors import InputError

if TYPE_CHECKING:
    from prover.keeper.journal import Journal
    from prover.keeper.keeper import Keeper
    from prover.keeper.types import Breach, State

#: Holds the private key where no file is named.
KEY_VARIABLE: Final = "ZKM2M_KEEPER_KEY"
#: Holds the node's URL where the option is left out: it may hold an access key.
RPC_VARIABLE: Final = "ZKM2M_KEEPER_RPC"
_GWEI: Final = 10**9
#: The longest that a keeper waits for a node that does not answer.
_LONGEST_WAIT_S: Final = 60.0
_KEY_BYTES: Final = 256

app = typer.Typer(help="Bring margin breaches to a registry on a chain.", no_args_is_help=True)


@app.command(
    "run",
    epilog="Example: zkm2m keeper run journal.sqlite --log venue.sqlite --epochs epochs --contracts contracts "
    "--accounts listed.json --venue-key 5866666666666666666666666666666666666666666666666666666666666666 "
    "--key-file keeper.key --max-fee-gwei 80 --rpc http://127.0.0.1:8545",
)
def run(
    journal: Annotated[Path, typer.Argument(metavar="JOURNAL", help="What was noticed and done; made if missing.")],
    log: Annotated[str, typer.Option("--log", metavar="LOG", help="The event log that an engine writes.")],
    epochs: Annotated[Path, typer.Option("--epochs", metavar="EPOCHS", help="The folder of published epochs.")],
    contracts: Annotated[
        Path, typer.Option("--contracts", metavar="FOLDER", help="Holds contracts.json and deployment.json.")
    ],
    accounts: Annotated[
        Path, typer.Option("--accounts", metavar="FILE", help="The accounts that are listed, with their handles.")
    ],
    venue_key: Annotated[str, typer.Option("--venue-key", metavar="HEX", help="The venue's public key.")],
    max_fee_gwei: Annotated[
        float, typer.Option("--max-fee-gwei", min=0.000000001, max=10**9, help="The most to offer for a unit of gas.")
    ],
    rpc: Annotated[
        str, typer.Option("--rpc", metavar="URL", help="A node of the chain.", envvar=RPC_VARIABLE, show_envvar=True)
    ],
    key_file: Annotated[
        Path | None,
        typer.Option("--key-file", metavar="FILE", help=f"The private key, hexadecimal; left out: ${KEY_VARIABLE}."),
    ] = None,
    store: StoreOption = None,
    confirmations: Annotated[
        int, typer.Option("--confirmations", min=1, max=100, help="Blocks after which a transaction is final.")
    ] = 12,
    bump_after: Annotated[
        int, typer.Option("--bump-after", min=1, metavar="BLOCKS", help="Blocks that wait before more is offered.")
    ] = 5,
    interval: Annotated[float, typer.Option("--interval", min=0.1, max=600, help="Seconds between two looks.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Do what can be done now, and end.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Go once, up to what would be signed; the journal is left as it is.")
    ] = False,
    allow_development: Annotated[
        bool, typer.Option("--allow-development", help="Take a registry of development keys: for test chains only.")
    ] = False,
    backend: Annotated[ProverBackend, typer.Option("--backend", help="What makes the proofs.")] = ProverBackend.AUTO,
    as_json: JsonFlag = False,
) -> None:
    """Watch an engine's margin breaches, prove them, and submit the proofs to a registry.

    It may be stopped at any moment, in any way: begun again, it goes on where its journal stands, loses no breach and
    submits none twice. It sends as the venue's owner, or as the holder of the accounts: nobody else may.
    """
    # web3 and SQLAlchemy take a second to load: only this command pays.
    from cli.engine_replica import replica
    from cli.keeper_evidence import EpochProofs
    from prover.keeper.breaches import EngineWatch, Listings
    from prover.keeper.deployment import read_deployment
    from prover.keeper.journal import Binding, Journal, sole_keeper
    from prover.keeper.keeper import Keeper, Terms
    from prover.keeper.node import RegistryNode, signer

    venue = _venue_key(venue_key)
    listings = Listings.from_json(read_bytes(accounts), str(accounts))
    node = RegistryNode(rpc, read_deployment(contracts), venue, signer(_private_key(key_file)))
    terms = Terms(confirmations, round(max_fee_gwei * _GWEI), bump_after, dry_run)
    binding = Binding(node.chain_id, node.contract, venue.hex(), node.sender)
    with ExitStack() as stack:
        stack.enter_context(exit_on_termination())
        node.require_deployment(allow_development=allow_development)
        if not dry_run:
            stack.enter_context(sole_keeper(journal))
        opened = stack.enter_context(Journal.open(stack.enter_context(_copied(journal, dry_run)), binding))
        proofs = stack.enter_context(EpochProofs(epochs, store, venue, node.chain_id, node.contract, backend.value))
        watch = EngineWatch(stack.enter_context(replica(log)), listings)
        unlisted = watch.look().unlisted
        if unlisted:
            _say(f"{unlisted:,} accounts below maintenance are not in {accounts}: nothing is done about them")
        keeper = Keeper(opened, watch, proofs, node, terms, _tell)
        interrupted = _keep(keeper, once=once or dry_run, interval_s=interval)
        _show(opened, as_json=as_json)
    if interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)


@app.command("status", epilog="Example: zkm2m keeper status journal.sqlite")
def status(
    journal: Annotated[Path, typer.Argument(metavar="JOURNAL", help="A keeper's journal; the keeper may be running.")],
    as_json: JsonFlag = False,
) -> None:
    """Show what a keeper noticed, what it did about it, and where that stands."""
    from prover.keeper.journal import Journal

    with Journal.open(journal) as opened:
        _show(opened, as_json=as_json)


def _keep(keeper: Keeper, *, once: bool, interval_s: float) -> bool:
    """Go round until told to stop, or until nothing more can be done now; return whether it was interrupted."""
    from prover.keeper.types import NodeFailure

    wait_s = interval_s
    try:
        while True:
            try:
                moved = keeper.round()
                wait_s = interval_s
            except NodeFailure as error:
                if once:
                    raise
                _say(str(error))
                moved, wait_s = False, min(2 * wait_s, max(_LONGEST_WAIT_S, interval_s))
            if moved:
                continue
            if once:
                return False
            time.sleep(wait_s)
    except KeyboardInterrupt:
        return True


def _tell(breach: Breach, state: State, reason: str) -> None:
    _say(f"{breach.account}: {state.value.replace('_', ' ')}{f': {reason}' if reason else ''}")


def _say(line: str) -> None:
    Console(stderr=True, highlight=False).print(visible(line), markup=False, soft_wrap=True)


def _show(journal: Journal, *, as_json: bool) -> None:
    from prover.keeper.types import FLAG_UP, OPEN

    about, breaches = journal.binding(), journal.breaches()
    counts = Counter(breach.state for breach in breaches)
    if as_json:
        content = {
            "chain_id": about.chain_id,
            "contract": about.contract,
            "venue": about.venue,
            "sender": about.sender,
            "counts": {state.value: count for state, count in counts.items()},
            "breaches": [_content(journal, breach) for breach in breaches],
        }
        print_json(content)
        return
    colours = {**dict.fromkeys(OPEN, "yellow"), **dict.fromkeys(FLAG_UP, "green")}
    head = {
        "chain, registry": f"{about.chain_id}, {about.contract}",
        "venue": about.venue,
        "sends as": about.sender,
        **{state.value.replace("_", " "): f"{count:,}" for state, count in counts.items()},
    }
    rows = [
        (
            breach.account,
            utc(breach.seen_ms),
            Text(breach.state.value.replace("_", " "), style=colours.get(breach.state, "dim")),
            breach.epoch or "-",
            breach.reason,
        )
        for breach in breaches
    ]
    console().print(facts("Keeper", head))
    console().print(table("Breaches", ("account", "noticed", "state", ">epoch", "because"), rows))


def _content(journal: Journal, breach: Breach) -> dict[str, object]:
    return {
        "account": breach.account,
        "commitment": f"0x{breach.commitment.hex()}",
        "threshold_bps": breach.threshold_bps,
        "sequence": breach.sequence,
        "state": breach.state.value,
        "reason": breach.reason,
        "epoch": breach.epoch,
        "transactions": [{"hash": sent.hash, "nonce": sent.nonce} for sent in journal.transactions(breach=breach.id)],
        "history": [
            {"at_ms": step.at_ms, "state": step.state.value, "reason": step.reason}
            for step in journal.history(breach.id)
        ],
    }


def _venue_key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise InputError("--venue-key", "must be 64 hexadecimal digits", text)
    return key


def _private_key(path: Path | None) -> str:
    """Return the private key, from a file that only its owner can read or from the environment."""
    if path is None:
        text = os.environ.get(KEY_VARIABLE, "")
        if not text:
            raise InputError("--key-file", f"must be given, or the variable {KEY_VARIABLE} set")
        return text.strip()
    content = read_bytes(path, _KEY_BYTES)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise InputError(str(path), "must be readable by its owner only: chmod 600")
    return content.decode("ascii", "replace").strip()


@contextmanager
def _copied(journal: Path, dry_run: bool) -> Iterator[Path]:
    """Yield the journal's path; in a dry run that of a copy, which is gone at the end."""
    if not dry_run:
        yield journal
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "journal.sqlite"
        if journal.is_file():
            kept = f"file:{quote(str(journal.absolute()))}?mode=ro"
            with closing(sqlite3.connect(kept, uri=True)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
        yield copy

"""``zkm2m book``: sample a book of accounts, and commit to it with a signed record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from cli.files import check_output, read_market, read_params, read_record, write_public
from cli.options import ForceFlag, JsonFlag, MarketOption, ParamsOption
from cli.progress import counted
from cli.render import console, facts, print_json, utc
from rtnet_core.account import HEADER_NAME, Account, BookFormat, write_book
from rtnet_core.book_commit import commit_book
from rtnet_core.errors import InputError
from rtnet_core.snapshot_hash import snapshot_hash_hex
from rtnet_core.venue_key import read_venue_key

app = typer.Typer(help="Books of accounts: sample them, commit to them.", no_args_is_help=True)


@app.command("sample", epilog="Example: zkm2m book sample --market market.json --accounts 100 --seed 1 --out book")
def sample(
    market: MarketOption,
    accounts: Annotated[int, typer.Option("--accounts", min=1, help="How many accounts.")],
    seed: Annotated[int, typer.Option("--seed", min=0, max=(1 << 64) - 1, help="The same seed, the same book.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="The folder to make.")],
    params: ParamsOption = None,
    book_format: Annotated[
        BookFormat, typer.Option("--format", help="Parquet, or JSON lines, which a person can read.")
    ] = "parquet",
    force: ForceFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a generated book in which every long has its short.

    It holds hedged, directional, option-heavy, thin and under-margined accounts, named acct-000000, acct-000001, ...
    """
    # SciPy, which the fast engine needs, takes half a second to load: only the commands that use it pay.
    from rtnet_core.book_sample import sample_book

    snapshot = read_market(market)
    most = snapshot.sizes.capacity
    if accounts > most:
        raise InputError("--accounts", f"must be at most {most}, the book of profile {snapshot.profile}", accounts)
    stream = sample_book(snapshot, read_params(params, snapshot), accounts, seed)
    if not out.parent.is_dir():
        raise InputError(str(out), "cannot be made: the folder above it does not exist")
    if (out / HEADER_NAME).exists() and not force:
        raise InputError(str(out), "holds a book already; --force replaces it")
    with counted("sampling accounts") as progress:

        def observed() -> Iterator[Account]:
            for done, account in enumerate(stream, start=1):
                yield account
                progress(done, accounts)

        header = write_book(out, observed(), snapshot_hash_hex(snapshot), format=book_format, overwrite=force)
    if as_json:
        print_json({"book": str(out), "accounts": header.accounts, "market": header.market})
        return
    console().print(facts(f"Book written to {out}", {"accounts": f"{header.accounts:,}", "market": str(market)}))


@app.command("commit", epilog="Example: zkm2m book commit book --market market.json --key venue.pem --out record.json")
def commit(
    book: Annotated[Path, typer.Argument(metavar="BOOK", help="The book's folder.")],
    market: MarketOption,
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="The venue's signing key.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The record; an older one is replaced.")],
    params: ParamsOption = None,
    venue: Annotated[str, typer.Option("--venue", metavar="NAME", help="The venue's name, for people.")] = "venue",
    number: Annotated[
        int | None,
        typer.Option(
            "--number", min=1, max=(1 << 32) - 1, help="Epoch number; left out: 1, or the one after --previous."
        ),
    ] = None,
    previous: Annotated[
        Path | None, typer.Option("--previous", metavar="FILE", help="The record of the epoch before.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Commit to a book: a leaf for each account, the book root, and a record that the venue signs.

    The salts that open the leaves stay in the book's folder, readable by its owner only; the record is for everyone.
    """
    check_output(out)
    if not 1 <= len(venue) <= 128:
        raise InputError("--venue", "must have 1 to 128 characters", len(venue))
    snapshot = read_market(market)
    before = None if previous is None else read_record(previous)
    following = number or (1 if before is None else before.number + 1)
    signing_key = read_venue_key(key)
    with counted("committing to the accounts") as progress:
        record = commit_book(
            book,
            snapshot,
            read_params(params, snapshot),
            signing_key,
            venue=venue,
            number=following,
            previous=before,
            progress=progress,
        )
    write_public(out, record.to_json_bytes())
    if as_json:
        print_json(
            {
                "record": str(out),
                "digest": record.digest().hex(),
                "venue_public_key": record.signature.public_key,
                "number": record.number,
                "account_count": record.account_count,
                "book_root": record.book_root,
            }
        )
        return
    rows = {
        "venue": record.venue,
        "venue key": record.signature.public_key,
        "epoch": record.number,
        "as of": utc(record.as_of_ms),
        "accounts": f"{record.account_count:,}",
        "book root": record.book_root,
        "digest": record.digest().hex(),
    }
    console().print(facts(f"Record written to {out}", rows))

"""``zkm2m oracle``: keys of oracles, their signatures over a snapshot, and the signed snapshot that they make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.files import check_output, read_bytes, read_market, write_public
from cli.options import ForceFlag, JsonFlag
from cli.render import console, duration, facts, print_json, table, utc
from cli.verify_options import MaxAgeOption
from rtnet_core import oracle as core
from rtnet_core.errors import InputError
from rtnet_core.oracle_key import read_oracle_key, write_oracle_key
from rtnet_core.snapshot_hash import snapshot_hash
from verifier.given import policy_of
from verifier.oracle import verify_signed_snapshot

app = typer.Typer(help="Oracles: keys, signatures over a snapshot, and their quorum.", no_args_is_help=True)

MarketArgument = Annotated[Path, typer.Argument(metavar="MARKET", help="The market file, not signed yet.")]
OraclesOption = Annotated[
    Path,
    typer.Option("--oracles", metavar="FILE", help="The set of oracles: their keys, and how many of them must sign."),
]


@app.command("keygen", epilog="Example: zkm2m oracle keygen --name oracle-1 --out oracle-1.key.json")
def keygen(
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="The oracle's name, for people.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The private key's file, for its owner only.")],
    force: ForceFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Make an oracle's signing key and print its public half, which sets of oracles name."""
    made = write_oracle_key(check_output(out), name, force=force)
    if as_json:
        print_json({"key": str(out), "name": made.name, "public_key": made.public_key})
        return
    rows = {
        "name": made.name,
        "public key": made.public_key,
        "private key": f"{out} (secret: keep it, and keep a copy)",
        "in a set": f"{made.name}={made.public_key}",
    }
    console().print(facts("Oracle key", rows))


@app.command(
    "set",
    epilog="Example: zkm2m oracle set --quorum 2 --out oracles.json oracle-1=PUBLIC_KEY oracle-2=PUBLIC_KEY",
)
def make_set(
    entries: Annotated[
        list[str], typer.Argument(metavar="NAME=PUBLIC_KEY...", help="The oracles; their order is part of the root.")
    ],
    quorum: Annotated[int, typer.Option("--quorum", min=1, help="How many of them must sign.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The set's file, which verifiers pin.")],
    as_json: JsonFlag = False,
) -> None:
    """Write a set of oracles: whose signatures count, and how many it takes."""
    content = {
        "format": "zkm2m/oracles/v1",
        "quorum": quorum,
        "oracles": [_named_key(number, entry) for number, entry in enumerate(entries, 1)],
    }
    made = core.OracleSet.from_json(content, "set")
    write_public(out, made.to_json_bytes())
    if as_json:
        print_json({"oracles": str(out), "quorum": quorum, "count": len(made.oracles), "root": str(made.root())})
        return
    rows = {"quorum": f"{quorum} of {len(made.oracles)}", "root": made.root()}
    console().print(facts(f"Set of oracles written to {out}", rows))
    if 2 * quorum <= len(made.oracles):
        warning = "half of the set is a quorum: two halves could sign different prices of one time"
        console().print(warning, style="yellow")


@app.command(
    "sign",
    epilog="Example: zkm2m oracle sign market.json --oracles oracles.json --key oracle-1.key.json --out oracle-1.json",
)
def sign(
    market: MarketArgument,
    oracles: OraclesOption,
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="The oracle's private key.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The signature's file.")],
    as_json: JsonFlag = False,
) -> None:
    """Sign a snapshot as one of the oracles of a set. Whoever signs vouches for every price in it, and for its time."""
    check_output(out)
    snapshot, known = read_market(market), read_set(oracles)
    _, private_key = read_oracle_key(key)
    signature = core.sign_snapshot(snapshot, known, private_key)
    write_public(out, signature.to_json_bytes())
    name = known.oracles[known.index_of(signature.signature.public_key) or 0].name
    if as_json:
        print_json(
            {
                "signature": str(out),
                "oracle": name,
                "snapshot_hash": signature.snapshot_hash,
                "oracles_root": signature.oracles_root,
                "as_of_ms": snapshot.time_ms,
            }
        )
        return
    rows = {
        "oracle": name,
        "snapshot": signature.snapshot_hash,
        "as of": utc(snapshot.time_ms),
        "for the set": signature.oracles_root,
    }
    console().print(facts(f"Signature written to {out}", rows))


@app.command(
    "combine",
    epilog="Example: zkm2m oracle combine market.json oracle-1.json oracle-2.json --oracles oracles.json "
    "--out signed.json",
)
def combine(
    market: MarketArgument,
    signatures: Annotated[list[Path], typer.Argument(metavar="SIGNATURE...", help="The oracles' signatures.")],
    oracles: OraclesOption,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The signed snapshot's file.")],
    as_json: JsonFlag = False,
) -> None:
    """Put a snapshot and its signatures into one file, if they make a quorum.

    Exit code 0: written; 1: refused, with a reason; 2: bad input.
    """
    snapshot, known = read_market(market), read_set(oracles)
    entries = [core.OracleSignature.from_json(read_bytes(path), str(path)) for path in signatures]
    signed = core.combine(snapshot, known, entries)
    write_public(out, signed.to_json_bytes())
    signers = [known.oracles[known.index_of(entry.public_key) or 0].name for entry in signed.signatures]
    if as_json:
        content = {"signed_snapshot": str(out), "snapshot_hash": str(snapshot_hash(snapshot)), "signers": signers}
        print_json({**content, "quorum": known.quorum, "oracle_count": len(known.oracles)})
        return
    rows = {
        "snapshot": snapshot_hash(snapshot),
        "as of": utc(snapshot.time_ms),
        "signed by": f"{', '.join(signers)} ({known.quorum} of {len(known.oracles)} must)",
    }
    console().print(facts(f"Signed snapshot written to {out}", rows))


@app.command("check", epilog="Example: zkm2m oracle check signed.json --oracles oracles.json --max-age 60")
def check(
    signed: Annotated[Path, typer.Argument(metavar="FILE", help="The signed snapshot, from whoever carried it.")],
    oracles: OraclesOption,
    max_age: MaxAgeOption = None,
    market: Annotated[
        Path | None,
        typer.Option("--market", metavar="FILE", help="Where to write the market file, for the other commands."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check that a quorum of the oracles signed this snapshot, and that it is neither too old nor of the future.

    Exit code 0: accepted; 1: refused, with a reason; 2: bad input.
    """
    if market is not None:
        check_output(market)
    known = read_set(oracles)
    policy = policy_of(production=False, max_age=max_age, venue_key=None)
    verdict = verify_signed_snapshot(read_bytes(signed), oracles=known, policy=policy)
    if market is not None:
        write_public(market, verdict.snapshot.to_json_bytes())
    if as_json:
        print_json({**verdict.to_json(), **({} if market is None else {"market": str(market)})})
        return
    out = console()
    out.print("accepted: a quorum of the oracles signed this snapshot", style="bold green")
    rows = {
        "snapshot": verdict.snapshot_hash,
        "as of": f"{utc(verdict.as_of_ms)}, {duration(verdict.age_ms)} ago",
        "quorum": f"{verdict.quorum} of {verdict.oracle_count}; {len(verdict.signers)} signed",
        "set of oracles": verdict.oracles_root,
    }
    if market is not None:
        rows["market file"] = str(market)
    out.print(facts("Verdict", rows))
    states = [(entry.name, entry.public_key, "yes" if entry.name in verdict.signers else "") for entry in known.oracles]
    out.print(table("Oracles", ("name", "public key", "signed"), states))
    if max_age is None:
        out.print("age not limited (--max-age): an old snapshot with true signatures is accepted", style="yellow")


def _named_key(number: int, entry: str) -> dict[str, str]:
    name, separator, public_key = entry.partition("=")
    if not separator:
        raise InputError(f"oracle {number}", "must be NAME=PUBLIC_KEY", entry)
    return {"name": name, "public_key": public_key}


def read_set(path: Path) -> core.OracleSet:
    """Return the set of oracles in a file; raises InputError if there is none."""
    return core.OracleSet.from_json(read_bytes(path), str(path))

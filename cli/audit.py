"""``zkm2m audit``: an epoch against the book behind it, for one who may see that book."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.epoch_store import StoreOption, epoch_place, open_store
from cli.files import check_output, read_bytes
from cli.options import JsonFlag
from cli.progress import counted
from cli.render import console, print_json
from cli.report import exit_code, print_report
from cli.verify_options import BackendOption, KeysOption, VenueKeyOption, VerifierBackend, own_keys
from rtnet_core.book_source import open_book_source
from rtnet_core.errors import InputError, Refusal
from rtnet_core.files import replace_file
from rtnet_core.reserves import Reserves
from verifier.epoch import verify_epoch
from verifier.epoch_files import EpochFolder
from verifier.given import policy_of, previous_record
from verifier.report.epoch import epoch_report
from verifier.report.findings import Figure, Notebook, Report, ReportTable
from verifier.report.render import to_html, to_markdown

if TYPE_CHECKING:
    from prover.audit import BookAudit, PublishedProof

_RENDERERS: Final = {".md": to_markdown, ".html": to_html}


def audit(
    epoch: Annotated[Path, typer.Argument(metavar="EPOCH", help="The epoch's folder: EPOCHS/17.")],
    book: Annotated[
        str,
        typer.Option(
            "--book", metavar="BOOK", help="A book's folder, a .parquet or .jsonl file, or a database's SQLAlchemy URL."
        ),
    ],
    store: StoreOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Also write the report: report.md or report.html.")
    ] = None,
    reserves: Annotated[
        Path | None,
        typer.Option("--reserves", metavar="FILE", help="The venue's reserves, compared with what it owes."),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option("--query", metavar="SQL", help="What to ask a database for, if not its accounts table."),
    ] = None,
    show_ids: Annotated[
        bool, typer.Option("--show-ids", help="Name the accounts that findings are about: the report is then secret.")
    ] = False,
    venue_key: VenueKeyOption = None,
    keys: KeysOption = None,
    backend: BackendOption = VerifierBackend.AUTO,
    as_json: JsonFlag = False,
) -> None:
    """Check an epoch as anyone can, then make every leaf, margin and sum of it again from the book behind it.

    A report has counts and sums only, unless ids are asked for. Only its owner can read the file.

    Exit code 0: nothing critical was found; 1: something was; 2: bad input.
    """
    # SQLAlchemy and SciPy take half a second to load: only the commands that use them pay.
    from prover.audit import audit_book

    if out is not None and check_output(out).suffix not in _RENDERERS:
        raise InputError("--out", "must end in .md or .html", str(out))
    epochs, _ = epoch_place(epoch)
    opened = EpochFolder(epoch)
    held = None if reserves is None else Reserves.from_json(read_bytes(reserves), str(reserves))
    source = open_book_source(book, query)
    with open_store(epochs, store, existing=True) as secrets:
        public = _public_report(opened, held, venue_key, keys, backend)
        with counted("computing margins") as progress:
            found = audit_book(
                source, secrets, opened.record, opened.snapshot, opened.params, _claims(opened), progress
            )
    report = _report(opened, public, found, show_ids=show_ids)
    if out is not None:
        replace_file(out.resolve(), [_RENDERERS[out.suffix](report).encode()])
    if as_json:
        print_json(report.to_json())
    else:
        print_report(console(), report)
    raise typer.Exit(exit_code(report))


def _public_report(
    opened: EpochFolder, held: Reserves | None, venue_key: str | None, keys: Path | None, backend: VerifierBackend
) -> Report:
    """Return the report that anyone can make of the folder; of an epoch that is refused, little but the reason."""
    policy = policy_of(production=False, max_age=None, venue_key=venue_key)
    try:
        with counted("checking the proofs") as progress:
            verdict = verify_epoch(
                opened,
                keys=own_keys(keys),
                policy=policy,
                previous=previous_record(opened.path, opened.record, None),
                reserves=held,
                backend=backend.value,
                progress=progress,
            )
        return epoch_report(opened, verdict)
    except Refusal as refusal:
        notes = Notebook()
        notes.found("critical", "verify epoch", f"refused, {refusal.code}: {refusal.message}")
        figures = (
            Figure("venue", opened.record.venue, "stated"),
            Figure("epoch", str(opened.record.number), "stated"),
            Figure("record", opened.record.digest().hex(), "recomputed"),
            Figure("accounts", f"{opened.record.account_count:,}", "stated"),
        )
        title = f"{opened.record.venue}, epoch {opened.record.number}"
        return Report(title, figures, (), tuple(notes.findings))


def _claims(opened: EpochFolder) -> list[list[PublishedProof]] | None:
    """Return what the published proofs claim, level by level; None where they cannot be read."""
    from prover.audit import PublishedProof

    claims: list[list[PublishedProof]] = []
    try:
        for line in opened.proofs():
            if line.number == 0:
                claims.append([])
            claims[-1].append(PublishedProof(line.batch_root, line.totals))
    except Refusal:
        return None
    return claims


def _report(opened: EpochFolder, public: Report, found: BookAudit, *, show_ids: bool) -> Report:
    from prover.audit import row_ranges

    notes = Notebook([*public.checks], [*public.findings])
    for difference in found.differences:
        notes.found("critical", difference.subject, difference.text)
    if not found.differences:
        _note_agreement(notes, found)
    if found.account_differential.other_verdicts:
        text = f"accounts too near to the threshold for float64: {found.account_differential.other_verdicts:,}"
        notes.found("note", "margins", text)
    reasons: dict[str, list[int]] = {}
    for row, reason in found.refused:
        reasons.setdefault(reason, []).append(row)
    tables = [
        ReportTable(
            "Rows refused",
            ("rule that they break", ">rows", "which"),
            tuple((reason, f"{len(rows):,}", row_ranges(rows)) for reason, rows in reasons.items()),
            "recomputed",
        ),
        _differential_table(found),
    ]
    if show_ids:
        tables.append(_ids_table(found))
    figures = (
        Figure("rows of the book", f"{found.rows:,}", "recomputed"),
        Figure("rows that break a rule", f"{len(found.refused):,}", "recomputed"),
        Figure("leaves and margins made again", f"{found.accounts:,}", "recomputed"),
        Figure("batches and merges opened", f"{found.batches:,} and {found.merges:,}", "recomputed"),
        Figure("accounts below the threshold, counted again", f"{len(found.below_ids):,}", "recomputed"),
        Figure("accounts that owe more than they have, counted again", f"{len(found.deficit_ids):,}", "recomputed"),
    )
    return Report(
        title=f"Audit of {opened.record.venue}, epoch {opened.record.number}",
        figures=public.figures + figures,
        checks=tuple(notes.checks),
        findings=tuple(notes.findings),
        tables=tuple(tables),
    )


def _note_agreement(notes: Notebook, found: BookAudit) -> None:
    notes.holds("book", f"its accounts are the epoch's, with the same numbers, each once: {found.accounts:,}")
    notes.holds(
        "leaves", f"made again under the venue's salts they lead to the published book root: {found.accounts:,}"
    )
    notes.holds("totals", "margins by the exact engine add up to the published totals, batch by batch and in all")
    notes.holds("rows refused", f"each breaks the rule that the venue noted: {len(found.refused):,}")
    notes.holds("fast engine", "prices and margins by another program agree within its error")


def _differential_table(found: BookAudit) -> ReportTable:
    margins = found.account_differential
    rows = [
        (f"{entry.column}, a lot", f"{entry.largest_ticks:.3g}", f"{entry.share:.1%}", entry.bound)
        for entry in found.row_differential
    ]
    for name, largest, share in (
        ("NLV, an account", margins.largest_nlv_ticks, margins.nlv_share),
        ("maintenance, an account", margins.largest_maintenance_ticks, margins.maintenance_share),
    ):
        rows.append((name, f"{largest:.3g}", f"{share:.1%}", "2^-45 of the account's gross sums"))
    headings = ("fast engine against exact", ">largest difference, ticks", ">of its bound at most", "bound, ticks")
    return ReportTable("Differential", headings, tuple(rows), "recomputed")


def _ids_table(found: BookAudit) -> ReportTable:
    rows = [("below the threshold", name) for name in found.below_ids]
    rows += [("owes more than it has", name) for name in found.deficit_ids]
    rows += [(difference.text, name) for difference in found.differences for name in difference.ids]
    return ReportTable("Accounts (secret)", ("finding", "id"), tuple(rows), "recomputed")

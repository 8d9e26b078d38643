"""The pages that show: all epochs with charts, and each epoch with its totals, reserves, parameters and files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, localcontext
from html import escape
from itertools import pairwise
from typing import Final

from rtnet_core.epoch import MARKET_NAME, PARAMS_NAME, PROOFS_NAME, RECORD_NAME
from rtnet_core.params import Params
from verifier.chain import ChainVerdict
from verifier.epoch_files import EpochFolder
from verifier.epoch_verdict import EpochVerdict
from verifier.report.amounts import amount_of, owed, usd_of_e8, usd_of_ticks, utc_of
from verifier.report.epoch import epoch_figures
from verifier.reserves import Liability
from verifier.site.charts import Series, line_chart
from verifier.site.markup import badge, legend, page, table
from verifier.site.parameters import named_parameters, parameter_changes

#: What an epoch's folder holds where reserves were published with it.
RESERVES_NAME: Final = "reserves.json"
#: An epoch as the pages need it.
Shown = tuple[EpochFolder, EpochVerdict]

#: More digits than any amount has.
_DIGITS: Final = 80
_TICKS_PER_USD: Final = Decimal(10) ** 6


def index_page(chain: ChainVerdict, epochs: Sequence[Shown]) -> str:
    """Return the first page: the latest epoch, all epochs, charts, the chain, and how parameters changed."""
    latest = epochs[-1][1]
    header = (
        f"<header><h1>{escape(latest.venue)}: proof of solvency, epoch by epoch</h1>\n"
        f"<p>Latest: epoch {latest.number} as of {utc_of(latest.as_of_ms)}. "
        '<a href="check.html">Check your account</a> in your own browser, or '
        f'<a href="epochs/{latest.number}/index.html">read the latest epoch</a>.</p></header>\n<main>'
    )
    parts = [
        header,
        *_cautions(latest),
        legend(),
        _epochs_table(epochs),
        *_charts(epochs),
        _reserves_table(latest),
        _chain_section(chain, epochs),
        _changes_section(epochs),
        "</main>",
        _footer('For programs: <a href="site.json">site.json</a>; each epoch\'s files stand in its folder.'),
    ]
    return page(f"{latest.venue}: epochs", "\n".join(filter(None, parts)))


def epoch_page(folder: EpochFolder, verdict: EpochVerdict, before: Params | None) -> str:
    """Return the page of one epoch; `before` are the parameters of the epoch before it, where that is published."""
    of = {label.figure: label.assurance for label in verdict.labels}
    figures = ((escape(f.name), escape(f.value), badge(f.assurance)) for f in epoch_figures(verdict))
    circuits = (
        (escape(line.circuit), f"{line.proofs:,}", f"<code>{line.key.vk_id}</code>", f"<code>{line.version}</code>")
        for line in verdict.circuits
    )
    header = (
        f'<header><p><a href="../../index.html">{escape(verdict.venue)}</a></p><h1>Epoch {verdict.number}</h1>\n'
        f"<p>As of {utc_of(verdict.as_of_ms)}, signed {utc_of(verdict.signed_at_ms)}. "
        '<a href="check.html">Check your account</a> in it.</p></header>\n<main>'
    )
    market = (
        f"<p>The market file lists {len(folder.snapshot.instruments)} instruments; prices in it are "
        f"{badge(of['market_data'])}, the risk array that follows from them is {badge(of['risk_array'])}.</p>"
    )
    parts = [
        header,
        *_cautions(verdict),
        table("What the epoch says", ("figure", "value", "rests on"), figures),
        legend(),
        _reserves_table(verdict),
        _addresses_table(verdict),
        table(
            "Proofs", ("circuit", ">proofs", "verifying key", "version of the circuit"), circuits, assurance="proven"
        ),
        _files_table(verdict),
        _parameters_table(folder.params, before, verdict),
        market,
        "</main>",
        _footer(f"Check it yourself: <code>zkm2m verify epoch epochs/{verdict.number}</code>, with keys of your own."),
    ]
    return page(f"{verdict.venue}, epoch {verdict.number}", "\n".join(filter(None, parts)))


def _cautions(verdict: EpochVerdict) -> Iterator[str]:
    if verdict.development:
        yield '<p class="caution"><strong>Development keys: whoever made them can forge these proofs.</strong></p>'
    if not verdict.venue_pinned:
        yield (
            '<p class="caution">The publisher did not name the venue\'s key: what the records alone say is only '
            "stated.</p>"
        )
    if verdict.reserves is None:
        yield "<p>No reserves file was published for this epoch: nothing is said of assets.</p>"
    elif not verdict.reserves.covered:
        yield '<p class="bad"><strong>The stated reserves do not cover what is owed.</strong></p>'
    if verdict.refused_rows:
        rows = f"{verdict.refused_rows:,} rows of the book are in no proof"
        yield f'<p class="caution">{rows}, by the venue\'s count.</p>'


def _epochs_table(epochs: Sequence[Shown]) -> str:
    rows = (
        (
            f'<a href="epochs/{verdict.number}/index.html">{verdict.number}</a>',
            _time(verdict.as_of_ms),
            f"{verdict.account_count:,}",
            f"{verdict.below_threshold:,}",
            usd_of_e8(verdict.shortfall_e8),
            usd_of_ticks(verdict.deficit_ticks),
            {None: "not published", True: "yes", False: '<strong class="bad">no</strong>'}[verdict.covered],
            f'<a href="epochs/{verdict.number}/check.html">check</a>',
        )
        for _folder, verdict in reversed(epochs)
    )
    headings = (
        *(
            "epoch",
            "as of, UTC",
            ">accounts",
            ">below the threshold",
            ">they lack",
            ">deficit",
            "reserves cover",
            "account",
        ),
    )
    note = (
        f"<p>Counts, shortfalls, deficits and what is owed are {badge('proven')}; times and numbers of epochs stand in "
        f"the records; balances of reserves are {badge('stated')} throughout.</p>"
    )
    return table("Epochs", headings, rows) + note


def _time(time_ms: int) -> str:
    return f'<span class="time">{utc_of(time_ms)[:19]}</span>'


def _charts(epochs: Sequence[Shown]) -> Iterator[str]:
    verdicts = [verdict for _folder, verdict in epochs]
    numbers = [verdict.number for verdict in verdicts]
    counts = [
        Series("accounts", [Decimal(verdict.account_count) for verdict in verdicts]),
        Series("below the threshold", [Decimal(verdict.below_threshold) for verdict in verdicts]),
    ]
    yield '<h2>Charts</h2>\n<div class="charts">'
    yield line_chart("Accounts (proven)", numbers, counts, "accounts")
    with localcontext(prec=_DIGITS):
        fund = [
            Series("deficit", [verdict.deficit_ticks / _TICKS_PER_USD for verdict in verdicts]),
            Series("insurance fund", [verdict.insurance_fund_ticks / _TICKS_PER_USD for verdict in verdicts]),
        ]
        yield line_chart("Deficit (proven) and insurance fund, USD", numbers, fund, "fund")
        for place, liability in enumerate(verdicts[-1].liabilities):
            lines = [
                Series("owed", [_amount(verdict, liability.symbol) for verdict in verdicts]),
                Series("reserves", [_reserve(verdict, liability.symbol) for verdict in verdicts]),
            ]
            title = f"{liability.symbol}: owed (proven) and reserves (stated)"
            yield line_chart(title, numbers, lines, f"asset{place}")
    yield "</div>"


def _amount(verdict: EpochVerdict, symbol: str) -> Decimal | None:
    return next((_coins(owed.amount, owed) for owed in verdict.liabilities if owed.symbol == symbol), None)


def _reserve(verdict: EpochVerdict, symbol: str) -> Decimal | None:
    covers = () if verdict.reserves is None else verdict.reserves.covers
    found = (cover.reserves for cover in covers if cover.symbol == symbol)
    owed = next((owed for owed in verdict.liabilities if owed.symbol == symbol), None)
    return next((_coins(balance, owed) for balance in found if owed is not None), None)


def _coins(number: int, owed: Liability) -> Decimal:
    return Decimal(owed.unit.split()[0]) * number


def _reserves_table(verdict: EpochVerdict) -> str:
    of = {label.figure: label.assurance for label in verdict.labels}
    if verdict.reserves is None:
        rows: Iterable[Sequence[str]] = ((escape(line.symbol), escape(owed(line))) for line in verdict.liabilities)
        return table(f"What is owed in epoch {verdict.number}", ("asset", ">owed"), rows, assurance=of["liabilities"])
    rows = (
        (
            escape(line.symbol),
            escape(owed(line)),
            escape(amount_of(cover.reserves, line)),
            escape(amount_of(cover.owned, line)),
            "yes" if cover.covered else '<strong class="bad">no</strong>',
        )
        for line, cover in zip(verdict.liabilities, verdict.reserves.covers, strict=True)
    )
    headings = ("asset", ">owed (proven)", ">reserves (stated)", ">of these at verified addresses (stated)", "covered")
    return table(f"Reserves against what is owed in epoch {verdict.number}", headings, rows)


def _addresses_table(verdict: EpochVerdict) -> str:
    if verdict.reserves is None:
        return ""
    units = {line.symbol: line for line in verdict.liabilities}
    rows = (
        (
            escape(line.symbol),
            escape(line.chain),
            f"<code>{escape(line.address)}</code>",
            escape(amount_of(line.balance, units[line.symbol])),
            escape(line.ownership),
        )
        for line in verdict.reserves.lines
    )
    notes = "".join(f'<p class="caution">{escape(note)}</p>' for note in verdict.reserves.notes)
    headings = ("asset", "chain", "address", ">balance", "ownership")
    return table("Reserves by address: no chain was read", headings, rows, assurance="stated") + notes


def _chain_section(chain: ChainVerdict, epochs: Sequence[Shown]) -> str:
    begins = (
        "It begins with a first record."
        if chain.begins_after is None
        else f"The record before the first one here, <code>{chain.begins_after}</code>, is not published here."
    )
    rows = (
        (
            f'<a href="epochs/{verdict.number}/{RECORD_NAME}">{verdict.number}</a>',
            _time(verdict.signed_at_ms),
            f"<code>{verdict.digest}</code>",
            "none" if verdict.previous is None else f"<code>{verdict.previous[:16]}…</code>",
        )
        for _folder, verdict in reversed(epochs)
    )
    return (
        f"<h2>Chain of records</h2>\n<p>All are signed by <code>{chain.venue_public_key}</code>, and each names the "
        f"one before it. {begins} Compare digests with what others were shown: two records of one number are proof of "
        f"deceit.</p>\n"
        + table("Records", ("epoch", "signed at, UTC", "digest", "names"), rows, assurance="recomputed")
    )


def _changes_section(epochs: Sequence[Shown]) -> str:
    rows = [
        (str(after.number), escape(name), escape(old) or "not there", escape(new) or "not there")
        for (older, _before), (newer, after) in pairwise(epochs)
        for name, old, new in parameter_changes(older.params, newer.params)
    ]
    if not rows:
        return "<h2>Changes of parameters</h2>\n<p>None in the epochs that are published here.</p>"
    latest = epochs[-1][1]
    of = {label.figure: label.assurance for label in latest.labels}
    shown = table(
        "Changes", ("in epoch", "parameter", "before", "from then on"), reversed(rows), assurance=of["params"]
    )
    return f"<h2>Changes of parameters</h2>\n{shown}"


def _parameters_table(params: Params, before: Params | None, verdict: EpochVerdict) -> str:
    of = {label.figure: label.assurance for label in verdict.labels}
    changed = {} if before is None else {name: old for name, old, _new in parameter_changes(before, params)}
    rows = (
        (escape(name), escape(value), (escape(changed[name]) or "not there") if name in changed else "")
        for name, value in named_parameters(params).items()
    )
    headings = ("parameter", "value", "in the epoch before, if it differs")
    return table("Margin parameters", headings, rows, assurance=of["params"])


def _files_table(verdict: EpochVerdict) -> str:
    files = {
        RECORD_NAME: "what the venue signed",
        MARKET_NAME: "prices and instruments",
        PARAMS_NAME: "margin parameters",
        PROOFS_NAME: "all proofs",
    } | ({} if verdict.reserves is None else {RESERVES_NAME: "reserves"})
    rows = ((f'<a href="{name}">{name}</a>', text) for name, text in files.items())
    return table("Files", ("file", "what it holds"), rows)


def _footer(text: str) -> str:
    return (
        f"<footer><p>{text}</p><p>What a proof means and what it does not: the venue may have left accounts out, so "
        "check your own; balances of reserves are stated; prices are those of the market file.</p></footer>"
    )

"""All of an epoch that can be computed again from its public folder, as a report: ``zkm2m verify epoch --full``.

A verdict says that an epoch is accepted. The report says what each part of that stands on, and looks at what no proof
is about: whether rows of the risk array are prices that any model permits, whether totals hang together, whether a
batch stands twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rtnet_core.epoch import UpperTree, level_sizes
from rtnet_core.limits import BPS
from rtnet_core.risk_array import RiskArray, build_risk_array
from rtnet_core.snapshot import Instrument, Snapshot, slots
from verifier.chain import ChainVerdict
from verifier.epoch_files import EpochFolder, ProofLine
from verifier.epoch_verdict import EpochVerdict
from verifier.report.amounts import amount_of, how_many, owed, usd_of_e8, usd_of_ticks, utc_of
from verifier.report.findings import Figure, Notebook, Report, ReportTable
from verifier.verdict import Assurance

#: Share of the forward by which the fixed-point price may miss the true one (docs/pricing.md), and a tick of rounding.
_PRICE_ERROR = 10**7
_ROUNDING_TICKS = 1


def epoch_report(folder: EpochFolder, verdict: EpochVerdict, chain: ChainVerdict | None = None) -> Report:
    """Return the report on an epoch that `verifier.epoch.verify_epoch` accepted.

    Parameters
    ----------
    folder
        The epoch's public folder.
    verdict
        The verdict on it.
    chain
        The verdict on the folder of epochs that it stands in, where that was asked for.

    Raises
    ------
    InputError, Refusal
        The folder was changed since it was accepted.
    """
    notes = Notebook()
    risk = build_risk_array(folder.snapshot, folder.params)
    _risk_array(notes, risk, folder.snapshot)
    _tree(notes, folder, list(folder.proofs()))
    _totals(notes, verdict)
    _proofs(notes, verdict)
    _reserves(notes, verdict)
    _chain(notes, verdict, chain)
    _cautions(notes, verdict)
    return Report(
        title=f"{verdict.venue}, epoch {verdict.number}",
        figures=tuple(epoch_figures(verdict)),
        checks=tuple(notes.checks),
        findings=tuple(notes.findings),
        tables=(_rows_table(risk, folder.snapshot),),
    )


def epoch_figures(verdict: EpochVerdict) -> Iterator[Figure]:
    """Yield the figures of an epoch, each with what the verdict says that it rests on."""
    of = {label.figure: label.assurance for label in verdict.labels}
    yield Figure("venue", verdict.venue, of["venue"])
    yield Figure("venue key", verdict.venue_public_key, of["venue"])
    yield Figure("epoch", str(verdict.number), of["epoch"])
    yield Figure("time of the snapshot", utc_of(verdict.as_of_ms), of["as_of_ms"])
    yield Figure("record", verdict.digest, "recomputed")
    yield Figure("accounts", f"{verdict.account_count:,}", of["account_count"])
    yield Figure("threshold", f"{verdict.threshold_bps:,} bps", of["threshold_bps"])
    yield Figure("accounts below it", f"{verdict.below_threshold:,}", of["below_threshold"])
    yield Figure("what they lack", usd_of_e8(verdict.shortfall_e8), of["shortfall"])
    yield Figure("accounts that owe more than they have", f"{verdict.deficit_accounts:,}", of["deficit_accounts"])
    yield Figure("what those owe", usd_of_ticks(verdict.deficit_ticks), of["deficit"])
    yield Figure("insurance fund", usd_of_ticks(verdict.insurance_fund_ticks), of["insurance_fund"])
    yield Figure("sum of cash", usd_of_ticks(verdict.cash_ticks), of["liabilities"])
    for liability in verdict.liabilities:
        yield Figure(f"owed, {liability.symbol}", owed(liability), of["liabilities"])
    for liability, cover in zip(verdict.liabilities, verdict.reserves.covers if verdict.reserves else (), strict=False):
        yield Figure(f"reserves, {cover.symbol}", amount_of(cover.reserves, liability), "stated")
        at_verified = amount_of(cover.owned, liability)
        yield Figure(f"of these at verified addresses, {cover.symbol}", at_verified, "stated")
    yield Figure("net position", "zero in every instrument", of["net_positions"])
    yield Figure("rows refused", f"{verdict.refused_rows:,}", of["refused_rows"])


def row_faults(instrument: Instrument, changes: Sequence[int], mark: int, delta: int, gamma: int) -> list[str]:
    """Return the bounds that a row of the risk array breaks: those that hold for any volatility.

    A future is worth its forward. A call is worth at least what it pays now and at most the forward, a put at most its
    strike; no option loses more than its worth, a call's delta lies between 0 and the forward's, a put's between minus
    that and 0, and gamma is not negative. Each bound is widened by the error of the fixed-point price.
    """
    forward, strike = instrument.forward_ticks, instrument.strike_ticks or 0
    slack = _ROUNDING_TICKS + -(-forward // _PRICE_ERROR)
    if not instrument.is_option:
        rules = {"mark is the forward": mark == forward, "gamma is 0": gamma == 0}
        slope = (forward / 100, forward / 100)
    elif instrument.kind == "call":
        rules = {
            "mark between intrinsic value and forward": max(0, forward - strike) - slack <= mark <= forward + slack
        }
        slope = (0.0, forward / 100)
    else:
        rules = {"mark between intrinsic value and strike": max(0, strike - forward) - slack <= mark <= strike + slack}
        slope = (-forward / 100, 0.0)
    rules["delta within the forward's"] = slope[0] - slack <= delta <= slope[1] + slack
    rules["gamma not negative"] = gamma >= -slack
    if instrument.is_option:
        rules["no loss above the mark"] = min(changes) >= -mark - 2 * slack
    return [f"{instrument.name}: must have {rule}" for rule, holds in rules.items() if not holds]


def _risk_array(notes: Notebook, risk: RiskArray, snapshot: Snapshot) -> None:
    faults: list[str] = []
    listed = 0
    for slot, instrument in enumerate(slots(snapshot)):
        if instrument is not None:
            listed += 1
            faults += row_faults(instrument, risk.rows[slot], risk.marks[slot], risk.deltas[slot], risk.gammas[slot])
    scenarios = risk.sizes.scenarios
    notes.holds(
        "risk array", f"{how_many(listed, 'row')} of {scenarios} scenarios priced again; the root is the record's"
    )
    notes.judge("risk array, row by row", faults, f"{how_many(listed, 'row')} within the bounds of any model")


def _tree(notes: Notebook, folder: EpochFolder, lines: Sequence[ProofLine]) -> None:
    record, sizes = folder.record, folder.sizes
    roots = [line.batch_root for line in lines if line.batch_root is not None]
    tree = UpperTree(roots, record.account_count, sizes)
    nodes, width = 0, len(roots)
    for _ in range(sizes.depth - sizes.batch_depth):
        width = (width + 1) // 2
        nodes += width
    faults = [] if str(tree.book_root) == record.book_root else ["the batch roots do not make the book root"]
    text = (
        f"{how_many(nodes, 'node')} above {how_many(len(roots), 'batch root')} hashed again make the record's book root"
    )
    notes.judge("tree above the batches", faults, text)
    repeated = len(roots) - len(set(roots))
    # Leaves are salted: equal batches are the same accounts, counted twice.
    faults = (
        [f"the same accounts are counted more than once; batch roots that repeat another: {repeated}"]
        if repeated
        else []
    )
    notes.judge("batches", faults, "no batch stands twice")
    levels = level_sizes(len(roots), sizes)
    notes.holds(
        "proofs called for",
        f"by level {', '.join(f'{count:,}' for count in levels)}, as follows from the account count",
    )


def _totals(notes: Notebook, verdict: EpochVerdict) -> None:
    notes.holds("totals", "with the published blinding they open the commitment of the last proof")
    below, count = verdict.below_threshold, verdict.account_count
    rules = {
        "no more accounts below the threshold than accounts": below <= count,
        "no more accounts with a deficit than below the threshold": verdict.deficit_accounts <= below,
        "a shortfall exactly where accounts are below the threshold": bool(verdict.shortfall_e8) == bool(below),
        "a deficit exactly where accounts have one": bool(verdict.deficit_ticks) == bool(verdict.deficit_accounts),
    }
    faults = [f"the totals must have {rule}" for rule, holds in rules.items() if not holds]
    notes.judge("totals hang together", faults, "counts and sums do not contradict each other")


def _proofs(notes: Notebook, verdict: EpochVerdict) -> None:
    for line in verdict.circuits:
        text = f"proofs that hold under key {line.key.vk_id[:16]}, each for the statement rebuilt here: {line.proofs:,}"
        notes.holds(line.circuit, text, "proven")


def _reserves(notes: Notebook, verdict: EpochVerdict) -> None:
    if verdict.reserves is None:
        notes.found("note", "reserves", "no reserves file was given: nothing is said of assets", "stated")
        return
    for liability, cover in zip(verdict.liabilities, verdict.reserves.covers, strict=True):
        if not cover.covered:
            missing = amount_of(cover.liability - cover.reserves, liability)
            notes.found("critical", "reserves", f"{cover.symbol}: {missing} less than is owed", "stated")
        elif cover.owned < cover.liability:
            text = f"{cover.symbol}: covered only with balances at addresses that no signature shows to be the venue's"
            notes.found("warning", "reserves", text, "stated")
        else:
            notes.holds("reserves", f"{cover.symbol}: covered at addresses whose keys signed", "stated")
    for note in verdict.reserves.notes:
        notes.found("warning", "reserves", note, "stated")


def _chain(notes: Notebook, verdict: EpochVerdict, chain: ChainVerdict | None) -> None:
    if chain is not None:
        first, last = chain.links[0].number, chain.links[-1].number
        text = f"records {first} to {last} follow each other; of the others no proof was checked"
        faults = [] if verdict.digest in {link.digest for link in chain.links} else ["this record is not in the chain"]
        notes.judge("chain", faults, text)
        if chain.begins_after is not None:
            text = f"the chain begins after record {chain.begins_after}, which is not here"
            notes.found("warning", "chain", text, "stated")
    elif verdict.previous is None:
        notes.found("note", "chain", "the record names none before it: a first epoch", _by_venue(verdict))
    elif verdict.previous_checked:
        notes.holds("chain", f"the record before it is {verdict.previous}")
    else:
        notes.found("warning", "chain", f"the record before it, {verdict.previous}, is not at hand", "stated")


def _cautions(notes: Notebook, verdict: EpochVerdict) -> None:
    by_venue = _by_venue(verdict)
    if verdict.development:
        notes.found("warning", "keys", "development key: whoever made it can forge proofs", "stated")
    if not verdict.venue_pinned:
        notes.found("warning", "venue", "its key was not given: anyone could have signed this record", "stated")
    if verdict.refused_rows:
        text = f"rows of the book that are in no proof, by the venue's own count: {verdict.refused_rows:,}"
        notes.found("warning", "rows refused", text, by_venue)
    if verdict.deficit_accounts:
        used = verdict.deficit_ticks * BPS // verdict.insurance_fund_ticks
        text = f"{usd_of_ticks(verdict.deficit_ticks)} owed beyond what accounts have: {used:,} bps of the stated fund"
        notes.found("warning", "deficits", text, "proven")
    if verdict.below_threshold:
        short = how_many(verdict.below_threshold, "account")
        text = f"{short} below the threshold, lacking {usd_of_e8(verdict.shortfall_e8)}"
        notes.found("note", "margin", text, "proven")
    if verdict.unchecked:
        notes.found("note", "folder", f"not looked at: {', '.join(verdict.unchecked)}", "stated")


def _by_venue(verdict: EpochVerdict) -> Assurance:
    return "signed" if verdict.venue_pinned else "stated"


def _rows_table(risk: RiskArray, snapshot: Snapshot) -> ReportTable:
    rows = tuple(
        (
            instrument.name,
            *(f"{number:,}" for number in (risk.marks[slot], min(risk.rows[slot]), max(risk.rows[slot]))),
            *(f"{number:,}" for number in (risk.deltas[slot], risk.gammas[slot])),
        )
        for slot, instrument in enumerate(slots(snapshot))
        if instrument is not None
    )
    headings = ("instrument", ">mark", ">worst change", ">best change", ">delta", ">gamma")
    return ReportTable("Risk array, ticks a lot", headings, rows, "recomputed")

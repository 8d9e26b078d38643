"""Parameters moved by events: as fast as the controls allow, each change a link of a chain, margins at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rtnet_core.engine.core import Engine
from rtnet_core.engine.cut import write_cut
from rtnet_core.engine.tuning import TuneReport
from rtnet_core.params_root import margin_params
from rtnet_core.risk.parameter_log import NO_RECORD, ParameterLog
from tests.support.engines import MARKET, applied, funded, line, refused, trade

HOUR = 3_600_000


def tuned(made: Engine, event_id: str, **wanted: int) -> TuneReport:
    changes = [_wanted(name.replace("__", "."), bps) for name, bps in wanted.items()]
    report = applied(made, line("tune", event_id, changes=changes)).report
    assert isinstance(report, TuneReport)
    return report


def _wanted(parameter: str, bps: int) -> dict[str, Any]:
    return {"parameter": parameter, "wanted_bps": bps, "source": "EWMA, 24 h"}


def later(made: Engine, event_id: str, hours: int) -> None:
    applied(made, line("prices", event_id, time_ms=MARKET.time_ms + hours * HOUR))


def test_a_step_is_bounded_logged_and_committed_to() -> None:
    made = funded("ada")
    applied(made, line("deposit", "coins", account="ada", asset="BTC", amount=1_000))
    before = made.venue.live.margin(0).nlv_e4
    report = tuned(made, "t1", BTC__haircut_bps=2_000)
    (change,) = report.changes
    assert (change.old_bps, change.wanted_bps, change.new_bps, change.previous) == (500, 2_000, 625, NO_RECORD)
    assert made.venue.live.margin(0).nlv_e4 == before - 125 * 1_000 * MARKET.assets[2].price_ticks
    rates = made.venue.live.rates
    assert report.params_root == margin_params(rates.params, rates.snapshot).root()
    assert report.head == made.venue.tuning.head == change.hash
    assert report.to_json()["params_root"] == str(report.params_root)


def test_a_parameter_moves_again_after_the_pause() -> None:
    made = funded("ada")
    first = tuned(made, "t1", BTC__scan_range_bps=3_000)
    again = line("tune", "t2", changes=[_wanted("BTC.scan_range_bps", 3_000)])
    assert refused(made, again) == "too_soon"
    tuned(made, "t3", ETH__scan_range_bps=1_000)
    later(made, "p", 1)
    second = tuned(made, "t2", BTC__scan_range_bps=3_000)
    assert (first.changes[0].new_bps, second.changes[0].new_bps) == (1_875, 2_343)
    assert made.venue.live.rates.params.underlyings[1].scan_range_bps == 1_900


def test_the_controls_set_the_speed() -> None:
    made = funded("ada")
    applied(made, line("controls", "c", controls={"moves": {"up_bps": 20_000, "most_bps": 9_000, "pause_ms": 0}}))
    assert tuned(made, "t1", BTC__haircut_bps=2_000).changes[0].new_bps == 1_500
    assert tuned(made, "t2", BTC__haircut_bps=2_000).changes[0].new_bps == 2_000
    assert not tuned(made, "t3", BTC__haircut_bps=2_000).changes


def test_haircuts_beyond_a_kink_move_by_themselves_and_never_below_the_one_before() -> None:
    made = funded("ada")
    applied(made, line("controls", "c", controls={"moves": {"up_bps": 50_000, "down_bps": 9_000, "pause_ms": 0}}))
    changes = [_wanted("BTC.haircut_bps", 1_500), _wanted("BTC.haircut_bps[1]", 400)]
    applied(made, line("tune", "t1", changes=changes))
    asset = made.venue.live.rates.params.assets[2]
    assert (asset.rate_bps, asset.drops_bps) == (8_500, (0, 1_000))


def test_what_is_no_parameter_is_refused() -> None:
    made = funded("ada")
    assert refused(made, line("tune", "t1", changes=[_wanted("DOGE.haircut_bps", 1)])) == "unknown_parameter"
    assert refused(made, line("tune", "t2", changes=[_wanted("BTC.kinks", 1)])) == "bad_event"
    twice = [_wanted("BTC.haircut_bps", 1), _wanted("BTC.haircut_bps", 2)]
    assert refused(made, line("tune", "t3", changes=twice)) == "bad_event"


def test_a_higher_scan_range_can_bring_a_margin_call() -> None:
    made = funded("ada", "bob")
    price = MARKET.instruments[0].forward_ticks
    applied(made, trade("t", "ada", "bob", 5_000, price))
    assert not made.venue.live.below_initial
    tuned(made, "t1", BTC__scan_range_bps=4_000)
    assert made.venue.live.below_initial


def test_a_replay_gives_the_records_and_a_cut_names_the_last(tmp_path: Path) -> None:
    made = funded("ada")
    tuned(made, "t1", BTC__haircut_bps=2_000, ETH__scan_range_bps=2_500)
    later(made, "p", 2)
    tuned(made, "t2", BTC__haircut_bps=2_000)
    made.commit()
    again = Engine.open(made.log, from_the_beginning=True)
    records = [
        change for report in again.reports.values() if isinstance(report, TuneReport) for change in report.changes
    ]
    assert len(records) == 3
    assert ParameterLog.checked(records, made.venue.tuning.head).records == tuple(records)
    assert again.venue.tuning == made.venue.tuning
    made.keep_state()
    assert Engine.open(made.log).venue.tuning == made.venue.tuning
    about = write_cut(made, tmp_path)
    assert about["parameter_log"] == made.venue.tuning.head
    assert about["parameter_changes"] == 3

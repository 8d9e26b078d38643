"""The page of attacks names every test there is, and every attack has a test or a reason."""

from __future__ import annotations

from prover.circuit_headers import read_sources
from tests.support.attack_tests import attack_tests
from tests.support.attacks import GROUPS
from tests.support.security_page import PAGE, missing, security_page
from tests.uniqueness.open_templates import COSTLY, OPEN


def test_every_attack_has_a_test_or_a_reason_wherever_it_applies() -> None:
    assert missing() == []


def test_the_ids_are_all_there() -> None:
    ids = [attack.id for group in GROUPS for attack in group.attacks]
    assert ids == [f"A{number:02}" for number in range(1, 56)]


def test_the_page_comes_from_the_tests() -> None:
    assert PAGE.read_text("utf-8") == security_page(), "run `python -m tests.support.security_page`"


def test_open_templates_exist() -> None:
    files = {source.name for source in read_sources()}
    assert set(OPEN) | set(COSTLY) <= files
    assert not set(OPEN) & set(COSTLY)


def test_circuits_are_found_behind_names_fixtures_and_imports() -> None:
    places = {(test.file.rpartition("/")[2], test.name): test.places for test in attack_tests()}
    assert places["test_lanes.py", "test_a11_chain_of_products_cannot_be_cut"] == ("account", "batch")
    assert places["test_market.py", "test_a28_a_time_that_is_not_the_snapshots"] == ("market",)
    assert places["test_merge.py", "test_a17_place_that_is_filled_up_holds_nothing"] == ("merge",)
    assert places["test_onchain.py", "test_a38_one_wrong_batch_among_many_undoes_the_call_and_a39_nothing_is_kept"] == (
        "contract",
    )

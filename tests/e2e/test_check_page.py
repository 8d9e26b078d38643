"""The check page in a real browser: opened from a file, without a network, on a desk and on a telephone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.publish import publish
from prover.inclusions import InclusionExporter
from prover.store import Store
from tests.conformance.corpus_files import CORPUS
from tests.conformance.runner import cases
from tests.support.browser import PHONE, Visit, chromium
from tests.support.check_page import corpus_site
from tests.support.epochs import house, record_of

CASES = {case["id"]: case for case in cases()}
HONEST = CASES["inclusion-honest-0"]
NOW_MS: int = HONEST["given"]["policy"]["now_ms"]
VENUE_KEY = json.loads((CORPUS / "published" / "record.json").read_bytes())["signature"]["public_key"]

#: What the page holds itself: cases that give another record, market, parameters or keys are for Node.
OWN = {
    "record": "published/record.json",
    "market": "published/market.json",
    "params": "published/params.json",
    "keys": "keys/development",
}
SHOWN = {
    name: case
    for name, case in CASES.items()
    if case["kind"] in ("inclusion", "account")
    and all(case["given"].get(part, path) == path for part, path in OWN.items())
    and not {"seen", "pins", "versions"} & case["given"].keys()
    and not {"now_ms", "max_age_ms"} & {key for key, part in case["given"]["policy"].items() if part != NOW_MS}
    and name
    not in ("account-challenge-empty", "account-empty")  # the page asks for the one, and takes the other for none
}
DEFAULT = (
    "inclusion-more-cash",
    "inclusion-other-record",
    "inclusion-id-control",
    "account-repeated-key",
    "account-proof-b-outside-subgroup",
    "account-verdict-flipped",
    "account-other-challenge",
    "account-falls-short",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus_site(tmp_path_factory.mktemp("site"), "epoch-honest")


def opened(browser: Any, file: Path, **options: Any) -> Visit:
    return Visit(browser, file, NOW_MS, **options)


def shown(visit: Visit, case: dict[str, Any]) -> tuple[str, str]:
    """Return the answer to a case of the corpus, whose conditions are entered as a person would."""
    given, policy = case["given"], case["given"]["policy"]
    if "venue_public_key" in policy or "production" in policy:
        visit.page.locator("summary").click()
        visit.page.fill("#venue-key", policy.get("venue_public_key", ""))
        visit.page.set_checked("#production", policy.get("production", False))
    visit.choose(CORPUS / (given["bundle"] if case["kind"] == "account" else given["inclusion"]))
    visit.page.locator("#again").wait_for()
    if case["kind"] == "account":
        visit.page.fill("#challenge", given["challenge"])
        visit.page.fill("#threshold", str(policy.get("threshold_bps", "")))
        visit.page.click("#again")
    return visit.answer()


def expected(case: dict[str, Any]) -> tuple[str, str]:
    """Return what a person reads for what the corpus expects."""
    found = case["expected"]
    if found["outcome"] == "accepted":
        words = {
            True: "the account clears the threshold",
            False: "the account is below the threshold",
            None: "your account is in the book with these numbers",
        }
        return f"Accepted: {words[found.get('clears')]}", ""
    if found["outcome"] == "refused":
        return "Not accepted", found["code"]
    return "Not accepted: this cannot be checked", "bad_input"


def test_a_customer_checks_their_account_and_nothing_leaves_the_page(browser: Any, site: Path) -> None:
    visit = opened(browser, site / "check.html")
    visit.drop(CORPUS / HONEST["given"]["inclusion"])
    assert visit.answer() == expected(HONEST)
    text = visit.page.inner_text("#answer")
    for words in (
        "the path from that leaf to the book root",
        "all 3 proofs hold",
        "the 5 accounts",
        "every long has its short",
        "the signature of record 1",
        "a first epoch",
        "Development keys",
        "You gave no key of the venue",
        "customer-0",
        "Assets and reserves: they are not part of this check.",
    ):
        assert words in text, words
    assert visit.requests == [(site / "check.html").as_uri()]
    assert visit.complaints == []
    assert visit.page.evaluate("localStorage.length + document.cookie.length") == 0
    visit.close()


def test_what_the_venue_signed_is_signed_only_under_its_pinned_key(browser: Any, site: Path) -> None:
    visit = opened(browser, site / "epochs" / "1" / "check.html")
    visit.page.locator("summary").click()
    for key, assurance in ((VENUE_KEY, "signed"), ("", "stated")):
        visit.page.fill("#venue-key", key)
        visit.choose(CORPUS / HONEST["given"]["inclusion"])
        visit.answer()
        assert visit.page.locator("tr", has_text="market data").inner_text().split()[-1] == assurance
        assert visit.page.locator("tr", has_text="account count").inner_text().split()[-1] == "proven"
        visit.page.set_input_files("#file", [])
    visit.page.fill("#venue-key", "07" * 32)
    visit.choose(CORPUS / HONEST["given"]["inclusion"])
    assert visit.page.locator("#code").inner_text() == "wrong_venue"
    visit.close()


def test_a_telephone_needs_no_scrolling_sideways(browser: Any, site: Path) -> None:
    visit = opened(browser, site / "check.html", **PHONE)
    visit.choose(CORPUS / HONEST["given"]["inclusion"])
    visit.answer()
    assert not visit.is_too_wide()
    for page in ("index.html", "epochs/1/index.html"):
        visit.page.goto((site / page).as_uri())
        assert not visit.is_too_wide(), page
    assert visit.complaints == []
    visit.close()


def test_a_policy_forbids_the_network_even_to_another_script(browser: Any, site: Path) -> None:
    visit = opened(browser, site / "check.html")
    tried = visit.page.evaluate("""async () => {
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
        const image = await new Promise((resolve) => {
            const made = new Image();
            made.onload = () => resolve("loaded");
            made.onerror = () => resolve("blocked");
            made.src = "https://example.org/x.png";
        });
        const fetched = await fetch("https://example.org/").then(() => "answered", () => "blocked");
        return [image, fetched, window.ran ?? "blocked"];
    }""")
    assert tried == ["blocked"] * 3
    assert sum("Content Security Policy" in text for text in visit.complaints) >= 3
    visit.close()


def test_a_file_of_another_epoch_is_sent_to_its_page(browser: Any, tmp_path: Path) -> None:
    own = json.loads((CORPUS / HONEST["given"]["inclusion"]).read_bytes())
    other = tmp_path / "mine.json"
    other.write_text(json.dumps(own | {"epoch": 2}))
    two = corpus_site(tmp_path, "epoch-one-batch", "epoch-follows")
    visit = opened(browser, two / "epochs" / "1" / "check.html")
    visit.choose(other)
    assert visit.answer() == ("Not accepted", "inclusion_mismatch")
    visit.page.click(".hint a")
    assert visit.page.url == (two / "epochs" / "2" / "check.html").as_uri()
    visit.close()


@pytest.mark.parametrize("case_id", DEFAULT)
def test_a_file_gets_the_answer_of_the_corpus(browser: Any, site: Path, case_id: str) -> None:
    visit = opened(browser, site / "check.html")
    assert shown(visit, SHOWN[case_id]) == expected(SHOWN[case_id])
    assert visit.complaints == []
    visit.close()


@pytest.mark.slow
@pytest.mark.parametrize("case_id", [name for name in SHOWN if name not in DEFAULT])
def test_the_browser_says_what_the_corpus_says(browser: Any, site: Path, case_id: str) -> None:
    visit = opened(browser, site / "check.html")
    assert shown(visit, SHOWN[case_id]) == expected(SHOWN[case_id])
    visit.close()


@pytest.mark.slow
def test_an_epoch_of_the_prover_is_published_and_checked(browser: Any, tmp_path: Path) -> None:
    """Six batches and three merges by the prover itself, under the keys that are made here."""
    venue = house(tmp_path)
    venue.prove(venue.book(21))
    publish(venue.epochs, tmp_path / "site")
    record = record_of(venue.epochs / "1")
    with Store.open(venue.store_url) as store:
        mine = list(InclusionExporter(store, record).all())[17]
    file = tmp_path / "mine.json"
    file.write_bytes(mine.to_json_bytes())
    visit = Visit(browser, tmp_path / "site" / "check.html", record.signed_at_ms)
    visit.choose(file)
    assert visit.answer() == expected(HONEST)
    assert "all 9 proofs hold" in visit.page.inner_text("#answer")
    visit.close()

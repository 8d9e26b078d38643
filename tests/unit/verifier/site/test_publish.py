"""A site: what it holds, that the same epochs make the same bytes, and that only what verifies is published."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from rtnet_core.errors import InputError, Refusal
from rtnet_core.params import Params
from rtnet_core.reserves import Reserves
from tests.conformance.corpus_files import CORPUS
from tests.support.epoch_setting import AS_OF_MS, HOUR_MS, KEYS, VENUE_KEY, MadeEpoch, reserves_of, sampled_chain
from tests.support.verifier_keys import write_keys
from verifier.chain import verify_chain
from verifier.epoch import verify_epoch
from verifier.epoch_files import EpochFolder
from verifier.keystore import Keystore
from verifier.policy import Policy
from verifier.site.parameters import parameter_changes
from verifier.site.publish import Site, publish_site

NOW_MS = AS_OF_MS + 24 * HOUR_MS
POLICY = Policy(now_ms=NOW_MS)
PINNED = Policy(now_ms=NOW_MS, venue_public_key=VENUE_KEY.public_key().public_bytes_raw())


def write(root: Path, *made: MadeEpoch) -> Path:
    """Write epochs and keys below `root`."""
    for epoch in made:
        epoch.write(root / "epochs" / str(epoch.record.number))
    for circuit, key in KEYS.items():
        write_keys(root / "keys", circuit, key)
    return root


def published(root: Path, name: str = "site", **options: Any) -> Site:
    (root / name).mkdir()
    return publish_site(root / "epochs", root / name, keys=root / "keys", **({"policy": POLICY} | options))


def held(made: MadeEpoch, balance: int) -> Reserves:
    line = {"chain": "other", "address": "custodian:1", "balance": str(balance)}
    return reserves_of(made, {symbol: [line] for symbol in ("USD", "USDC", "BTC")})


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with three epochs, published with reserves of the third."""
    root = write(tmp_path_factory.mktemp("venue"), *sampled_chain(3))
    published(root, reserves={3: held(sampled_chain(3)[2], 10**15)})
    return root


class Page(HTMLParser):
    """What a page links to and loads, and which of its elements stay open."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [str(found[name]) for name in ("href", "src") if name in found]
        self.ids += [str(found["id"])] if "id" in found else []
        assert not {"style", "onclick", "onload"} & found.keys(), "the policy forbids what stands in attributes"
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_page_is_whole_and_links_to_what_is_there(venue: Path) -> None:
    site = venue / "site"
    pages = sorted(site.rglob("*.html"))
    assert len(pages) == 2 + 2 * 3
    for path in pages:
        page = Page(path)
        assert page.open == [], path
        assert len(set(page.ids)) == len(page.ids), path
        assert page.links, path
        for link in page.links:
            assert (path.parent / link).is_file(), (path, link)


def test_a_policy_permits_exactly_what_the_page_holds(venue: Path) -> None:
    for path in (venue / "site").rglob("*.html"):
        text = path.read_text("utf-8")
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
        assert policy is not None
        assert policy[1].startswith("default-src 'none';")
        assert "unsafe" not in policy[1]
        for kind, element in (("script", "script"), ("style", "style")):
            inline = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
            sources = re.findall(rf"{kind}-src '(sha256-[^']+)'", policy[1])
            hashes = [base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in inline]
            assert sources == [f"sha256-{digest}" for digest in hashes], path


def test_a_site_verifies_as_the_folder_of_epochs_that_it_is(venue: Path) -> None:
    site = venue / "site"
    assert len(verify_chain(site / "epochs", POLICY).links) == 3
    verify_epoch(EpochFolder(site / "epochs" / "3"), keys=Keystore(site / "keys"), policy=POLICY)


def test_site_json_is_for_programs_and_says_nothing_of_the_moment(venue: Path) -> None:
    site = json.loads((venue / "site" / "site.json").read_bytes())
    assert site["format"] == "zkm2m/site/v1"
    assert [epoch["epoch"] for epoch in site["epochs"]] == [1, 2, 3]
    assert [epoch["covered"] for epoch in site["epochs"]] == [None, None, True]
    record = json.loads((venue / "site" / site["epochs"][1]["folder"] / "record.json").read_bytes())
    assert record["number"] == 2
    assert not {"age_ms", "seconds", "backend"} & site["epochs"][0].keys()
    assert {label["assurance"] for label in site["epochs"][0]["labels"]} == {"proven", "recomputed", "stated"}


def test_the_same_epochs_make_the_same_bytes(venue: Path) -> None:
    reserves = {3: held(sampled_chain(3)[2], 10**15)}
    published(venue, "again", policy=Policy(now_ms=NOW_MS + HOUR_MS), reserves=reserves)
    assert content(venue / "again") == content(venue / "site")


def test_the_pages_of_an_epoch_stay_the_same_when_others_follow(venue: Path, tmp_path: Path) -> None:
    published(write(tmp_path, *sampled_chain(2)))
    earlier = {name: data for name, data in content(tmp_path / "site").items() if name.startswith("epochs/")}
    assert len(earlier) == 2 * 6
    assert {name: content(venue / "site")[name] for name in earlier} == earlier


def test_figures_bear_their_labels(venue: Path) -> None:
    page = (venue / "site" / "epochs" / "3" / "index.html").read_text()
    for figure, assurance in (("accounts", "proven"), ("record", "recomputed"), ("insurance fund", "stated")):
        assert re.search(rf"<td>{figure}</td><td>[^<]*</td><td><span class=\"badge {assurance}\">", page), figure
    published(venue, "pinned", policy=PINNED)
    page = (venue / "pinned" / "epochs" / "3" / "index.html").read_text()
    assert re.search(r"<td>insurance fund</td><td>[^<]*</td><td><span class=\"badge signed\">", page)
    assert "did not name the venue" not in page


def test_pages_warn_of_what_a_reader_must_know(venue: Path) -> None:
    index = (venue / "site" / "index.html").read_text()
    assert "Development keys: whoever made them can forge these proofs." in index
    assert "did not name the venue" in index
    published(venue, "poor", reserves={3: held(sampled_chain(3)[2], 5)})
    assert "The stated reserves do not cover what is owed." in (venue / "poor" / "index.html").read_text()
    assert "No reserves file was published" in (venue / "site" / "epochs" / "1" / "index.html").read_text()


def test_names_of_a_venue_stay_text(tmp_path: Path) -> None:
    made = sampled_chain(1)[0].resigned(venue='</script><script>alert("x")</script>')
    published(write(tmp_path, made))
    for path in (tmp_path / "site").rglob("*.html"):
        text = path.read_text()
        assert "<script>alert" not in text
        assert Page(path).open == []


def test_an_epoch_that_does_not_verify_is_not_published(tmp_path: Path) -> None:
    first, second = sampled_chain(2)
    write(tmp_path, first, second.line_changed(0, proof=first.lines[0]["proof"]))
    with pytest.raises(Refusal) as refusal:
        published(tmp_path)
    assert refusal.value.code == "proof_invalid"


def test_a_chain_with_a_gap_is_not_published(tmp_path: Path) -> None:
    first, _second, third = sampled_chain(3)
    with pytest.raises(Refusal) as refusal:
        published(write(tmp_path, first, third))
    assert refusal.value.code == "chain_gap"


def test_production_publishes_no_development_key(venue: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        published(venue, "production", policy=replace(PINNED, production=True))
    assert refusal.value.code == "development_key"


def test_a_key_that_is_not_the_pinned_one_is_not_published(venue: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        published(venue, "pins", pins={"batch-small": "00" * 32})
    assert refusal.value.code == "unknown_key"


def test_reserves_of_an_epoch_that_is_not_there_are_an_error(venue: Path) -> None:
    with pytest.raises(InputError, match="of an epoch that is published"):
        published(venue, "unknown", reserves={7: held(sampled_chain(3)[2], 5)})


def test_changes_of_parameters_are_named() -> None:
    before = Params.from_json((CORPUS / "published" / "params.json").read_bytes())
    raised = json.loads(before.to_json_bytes())
    raised["underlyings"][0]["scan_range_bps"] = 1_600
    raised["scenarios"][0]["cover_bps"] = 9_000
    raised["assets"] = raised["assets"][:1]
    changes = parameter_changes(before, Params.from_json(raised))
    assert ("BTC scan_range_bps", "1500", "1600") in changes
    assert [name for name, _old, new in changes if not new] == [
        f"collateral BTC {field}" for field in ("rate_bps", "kinks", "drops_bps")
    ]
    assert changes[0][0] == "scenario 0"
    assert parameter_changes(before, before) == []

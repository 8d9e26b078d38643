"""Cases of whole epochs, chains of records, and customers' inclusion files."""

from __future__ import annotations

import json
from typing import Any

from rtnet_core.record import Record
from tests.conformance.corpus_files import BAD_INPUT, Corpus, accepted, refused
from tests.conformance.world import EPOCH, NOW_MS
from tests.support.epoch_setting import (
    BATCH,
    MERGE,
    B,
    MadeEpoch,
    compact,
    make_epoch,
    reserves_of,
    resigned,
    sample_accounts,
    sampled_chain,
    sampled_epoch,
    versions,
)
from tests.support.verifier_setting import OTHER_VENUE_KEY, encoded, market


class _Cases:
    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    def add(
        self,
        name: str,
        expected: dict[str, Any],
        why: str,
        made: MadeEpoch = EPOCH,
        *,
        proofs: bytes | None = None,
        policy: dict[str, Any] | None = None,
        **given: Any,
    ) -> None:
        """Take a case of an epoch's folder; files that are those of the common epoch are shared with it."""
        content = {
            "record.json": made.record.to_json_bytes(),
            "market.json": made.snapshot.to_json_bytes(),
            "params.json": made.params.to_json_bytes(),
            "proofs.jsonl": b"".join(map(compact, made.lines)) if proofs is None else proofs,
        }
        shared = {data: path for path, data in self.corpus.files.items() if path.startswith("published/")}
        epoch = {
            file: shared.get(data) or self.corpus.put(f"epoch/{name}.{file}", data) for file, data in content.items()
        }
        conditions = {"now_ms": NOW_MS, **(policy or {})}
        usual: dict[str, Any] = {"epoch": epoch, "keys": "keys/development", "policy": conditions}
        self.corpus.add(f"epoch-{name}", "epoch", usual | given, expected, why)


def add_book_cases(corpus: Corpus) -> None:
    """Put every case of an epoch, a chain and an inclusion file into the corpus."""
    corpus.put("published/proofs.jsonl", b"".join(map(compact, EPOCH.lines)))
    cases = _Cases(corpus)
    _epochs(cases)
    _lines(cases)
    _claims(cases)
    _totals(cases)
    _following(cases)
    _reserves(cases)
    _chains(corpus)
    _inclusions(corpus)


def _epochs(cases: _Cases) -> None:
    cases.add("honest", accepted(account_count=5, below_threshold=1), "Two batches and a merge.")
    cases.add("one-batch", accepted(account_count=B), "A book of one batch has no merge.", sampled_epoch(B))
    cases.add(
        "old", accepted(account_count=5), "An epoch has no age limit of its own.", policy={"now_ms": NOW_MS + 10**11}
    )
    cases.add("stale", refused("stale"), "Unless the recipient limits it.", policy={"max_age_ms": 1})
    cases.add(
        "threshold-not-asked", refused("threshold_mismatch"), "Counted by another.", policy={"threshold_bps": 9_999}
    )
    cases.add(
        "production", refused("venue_key_not_pinned"), "Production asks for the key.", policy={"production": True}
    )
    pinned = {"production": True, "venue_public_key": EPOCH.record.signature.public_key}
    cases.add("development-keys", refused("development_key"), "Production refuses them.", policy=pinned)
    cases.add("no-proven-part", refused("not_an_epoch_record"), "A book root alone.", EPOCH.resigned(proven=None))


def _lines(cases: _Cases) -> None:
    lines = [compact(line) for line in EPOCH.lines]
    cases.add("line-without-end", refused("malformed_proofs"), "A line without its end.", proofs=b"".join(lines)[:-1])
    cases.add("line-no-json", refused("malformed_json"), "A line that is no JSON.", proofs=b"{\n" + b"".join(lines[1:]))
    extra = compact(EPOCH.lines[0] | {"note": 1})
    cases.add(
        "line-unknown-key", refused("malformed_proofs"), "A key that no line has.", proofs=extra + b"".join(lines[1:])
    )
    orders = {
        "proof-missing": lines[:-1],
        "proof-added": [*lines, lines[-1]],
        "proof-repeated": [lines[0], lines[0], lines[2]],
        "proofs-swapped": [lines[1], lines[0], lines[2]],
    }
    for name, order in orders.items():
        cases.add(name, refused("wrong_proofs"), "Exactly the proofs called for, in order.", proofs=b"".join(order))
    cases.add(
        "line-of-another-circuit", refused("wrong_circuit"), "Named otherwise.", EPOCH.line_changed(1, circuit=MERGE)
    )
    for name, line in {
        "place-as-text": EPOCH.lines[0] | {"number": "0"},
        "batch-without-root": {key: part for key, part in EPOCH.lines[0].items() if key != "batch_root"},
    }.items():
        proofs = compact(line) + b"".join(lines[1:])
        cases.add(name, refused("malformed_proofs"), "Not the form of a line.", proofs=proofs)
    rooted = [*lines[:-1], compact(EPOCH.lines[-1] | {"batch_root": "1"})]
    cases.add("merge-with-root", refused("malformed_proofs"), "A merge has no root.", proofs=b"".join(rooted))


def _claims(cases: _Cases) -> None:
    moved = EPOCH.line_changed(1, proof=EPOCH.lines[0]["proof"])
    cases.add("proof-of-another-batch", refused("proof_invalid"), "Valid for another statement.", moved)
    twisted = EPOCH.lines[0]["proof"] | {"pi_c": ["1", "3", "1"]}
    cases.add(
        "point-off-curve",
        refused("point_off_curve"),
        "Points of every proof are read.",
        EPOCH.line_changed(0, proof=twisted),
    )
    cases.add(
        "root-not-canonical", refused("signal_not_canonical"), "One spelling.", EPOCH.line_changed(0, totals="007")
    )
    other_root = str(int(EPOCH.lines[0]["batch_root"]) ^ 1)
    cases.add(
        "other-batch-root",
        refused("book_root_mismatch"),
        "Roots that do not make the book's.",
        EPOCH.line_changed(0, batch_root=other_root),
    )
    for name, named in {"merge-unnamed": (BATCH,), "only-merge": (MERGE,)}.items():
        made = EPOCH.proven_changed(circuits=versions(*named))
        cases.add(name, refused("circuits_mismatch"), "Exactly the circuits called for.", made)
    other = {name: version.model_copy(update={"vk_id": "00" * 32}) for name, version in versions(BATCH, MERGE).items()}
    cases.add(
        "other-vk-id", refused("unknown_key"), "The record has no say in the key.", EPOCH.proven_changed(circuits=other)
    )
    older = {
        name: version.model_copy(update={"r1cs_sha256": "00" * 32}) for name, version in versions(BATCH, MERGE).items()
    }
    outdated = EPOCH.proven_changed(circuits=older)
    cases.add("other-version", refused("wrong_circuit_version"), "Another r1cs than the key's.", outdated)
    for name, context in {
        "context-of-another-number": (EPOCH.record.venue_public_key, 2, None),
        "context-of-another-chain": (EPOCH.record.venue_public_key, 1, b"\x00" * 32),
    }.items():
        made = make_epoch(sample_accounts(B), context_of=context)
        cases.add(name, refused("proof_invalid"), "Proofs made for another place in the chain.", made)


def _totals(cases: _Cases) -> None:
    cash = int(EPOCH.record.model_dump()["proven"]["totals"]["cash_ticks"])
    lower = EPOCH.totals_changed(cash_ticks=str(cash - 1))
    cases.add("liability-understated", refused("totals_mismatch"), "Totals that are not the proven ones.", lower)
    cases.add(
        "below-threshold-understated", refused("totals_mismatch"), "The same.", EPOCH.totals_changed(below_threshold=0)
    )
    accounts = sample_accounts(B)
    first = accounts[0]
    longer = first.model_copy(update={"positions": {**first.positions, "BTC-PERPETUAL": 11}})
    unbalanced = make_epoch([longer, *accounts[1:]])
    cases.add("long-without-short", refused("net_position"), "Proven, and not zero.", unbalanced)
    why = "What accounts owe beyond what they have is more than the fund."
    poor = make_epoch(sample_accounts(B), fund_ticks=1)
    cases.add("fund-too-small", refused("deficit_exceeds_fund"), why, poor)


def _following(cases: _Cases) -> None:
    first, second = sampled_chain(2)

    def previous(name: str, expected: dict[str, Any], why: str, record: Record) -> None:
        path = cases.corpus.put(f"epoch/{name}.previous.json", record.to_json_bytes())
        cases.add(name, expected, why, second, previous=path)

    previous("follows", accepted(account_count=B), "The record before is the one named.", first.record)
    other = resigned(first.record, venue="Another name")
    previous("follows-another", refused("chain_broken"), "Another record than the one named.", other)
    previous("follows-other-venue", refused("chain_venue"), "Another key.", resigned(first.record, OTHER_VENUE_KEY))
    previous("follows-itself", refused("number_twice"), "The same number.", second.record)
    previous("follows-later-number", refused("chain_gap"), "Not the number before.", resigned(first.record, number=3))
    early = resigned(second.record, previous=first.record.digest().hex(), signed_at_ms=first.record.signed_at_ms)
    path = cases.corpus.put("epoch/signed-no-later.previous.json", first.record.to_json_bytes())
    cases.add("signed-no-later", refused("chain_time"), "Time runs forward.", second.with_(record=early), previous=path)


def _reserves(cases: _Cases) -> None:
    def entries(balance: int, **more: Any) -> dict[str, list[dict[str, Any]]]:
        line = {"chain": "other", "address": "custodian:1", "balance": str(balance), **more}
        return {symbol: [line] for symbol in ("USD", "USDC", "BTC")}

    def add(name: str, expected: dict[str, Any], why: str, assets: dict[str, Any], **changes: Any) -> None:
        needs = changes.pop("needs", None)
        path = cases.corpus.put(f"epoch/{name}.reserves.json", reserves_of(EPOCH, assets, **changes).to_json_bytes())
        given = {"reserves": path} | ({} if needs is None else {"needs": needs})
        cases.add(name, expected, why, **given)

    add("reserves-cover", accepted(covered=True), "Stated balances that suffice.", entries(10**15))
    add("reserves-fall-short", accepted(covered=False), "No refusal: the verdict tells.", entries(1))
    add("reserves-of-another-epoch", refused("reserves_mismatch"), "Another epoch.", entries(1), epoch=2)
    add("reserves-of-unknown-asset", refused("reserves_mismatch"), "The market lacks it.", {**entries(1), "DOGE": []})
    late = EPOCH.record.as_of_ms + 300_001
    add("reserves-late", refused("reserves_time_mismatch"), "More than five minutes away.", entries(1), time_ms=late)
    line = {"chain": "other", "address": "Custodian:1", "balance": "1"}
    add(
        "reserves-twice",
        refused("reserve_twice"),
        "One address, twice.",
        {"USD": [line, line | {"address": "custodian:1"}]},
    )
    unsigned = {"chain": "ethereum", "address": "0x" + "ab" * 20, "balance": "1", "signature": "0x" + "11" * 65}
    why = "A signature that is there must hold; who cannot check Ethereum's accepts, and says so."
    add("reserves-unowned", refused("reserve_signature_invalid"), why, {"USD": [unsigned]}, needs="ethereum")


def _chains(corpus: Corpus) -> None:
    first, second, third = (made.record for made in sampled_chain(3))

    def add(name: str, expected: dict[str, Any], why: str, records: dict[str, Record]) -> None:
        paths = {}
        for folder, record in records.items():
            data = record.to_json_bytes()
            known = next((path for path, content in corpus.files.items() if content == data), None)
            paths[folder] = known or corpus.put(f"chain/{name}-{folder}.json", data)
        given = {"records": paths, "policy": {"now_ms": NOW_MS}}
        corpus.add(f"chain-{name}", "chain", given, expected, why)

    add("honest", accepted(first=1, last=3), "Three records.", {"1": first, "2": second, "3": third})
    add("begins-later", accepted(first=2, last=3), "The first one there may name another.", {"2": second, "3": third})
    add("gap", refused("chain_gap"), "One is missing.", {"1": first, "3": third})
    add("number-mismatch", refused("number_mismatch"), "Another number than the folder's.", {"1": first, "2": third})
    add("number-twice", refused("number_twice"), "One number, two folders.", {"1": first, "2": first})
    add("leading-zero", refused("number_mismatch"), "A folder's name has one spelling.", {"01": first})
    other = resigned(first, venue="Another name")
    add("broken", refused("chain_broken"), "The second names another first.", {"1": other, "2": second})
    add(
        "other-venue",
        refused("chain_venue"),
        "Another key signs.",
        {"1": resigned(first, OTHER_VENUE_KEY), "2": second},
    )
    plain = resigned(first, proven=None)
    add("not-an-epoch", refused("not_an_epoch_record"), "A book root alone.", {"1": plain})


def _inclusions(corpus: Corpus) -> None:
    record = EPOCH.record

    def add(name: str, expected: dict[str, Any], why: str, content: object, **given: Any) -> None:
        path = corpus.put(f"inclusion/{name}.json", encoded(content))
        usual = {
            "inclusion": path,
            "record": "published/record.json",
            "market": "published/market.json",
            "policy": {"now_ms": NOW_MS},
        }
        corpus.add(f"inclusion-{name}", "inclusion", usual | given, expected, why)

    for index in (0, 3, 4):
        customer = EPOCH.accounts[index].id
        add(f"honest-{index}", accepted(account=customer), "A customer's own file.", EPOCH.inclusion(index))
    mine = EPOCH.inclusion(0)
    account = mine["account"]
    add("other-epoch", refused("inclusion_mismatch"), "Of another number.", mine | {"epoch": 2})
    add("other-record", refused("inclusion_mismatch"), "Of another record.", mine | {"record": "00" * 32})
    add(
        "short-path", refused("inclusion_path_length"), "A sibling missing.", mine | {"siblings": mine["siblings"][:-1]}
    )
    add("behind-the-book", refused("inclusion_outside_book"), "Behind the last account.", mine | {"index": 5})
    changes: dict[str, dict[str, Any]] = {
        "more-cash": {"account": account | {"cash_ticks": account["cash_ticks"] + 1}},
        "other-id": {"account": account | {"id": "customer-00"}},
        "other-salt": {"salt": str(int(mine["salt"]) ^ 1)},
        "other-index": {"index": 1},
        "other-sibling": {"siblings": [*mine["siblings"][:-1], "1"]},
    }
    for name, change in changes.items():
        add(name, refused("not_included"), "Account and path do not lead to the book root.", mine | change)
    zeros = {**account["collateral"], "ETH": 0}
    why = "Zero amounts are as if absent, of whatever asset."
    add("zero-amount", accepted(account=account["id"]), why, mine | {"account": account | {"collateral": zeros}})
    kept = {"USDC": account["collateral"]["USDC"], "BTC": account["collateral"]["BTC"]}
    add(
        "collateral-reordered",
        accepted(account=account["id"]),
        "The order of keys is no matter.",
        mine | {"account": account | {"collateral": kept}},
    )
    for name, spelling in {"id-not-normal": "customer-e\u0301", "id-control": "customer\x07", "id-empty": ""}.items():
        add(name, BAD_INPUT, "No id.", mine | {"account": account | {"id": spelling}})
    add(
        "unknown-instrument",
        BAD_INPUT,
        "The market does not list it.",
        mine | {"account": account | {"positions": {"ETH-PERPETUAL": 1}}},
    )
    add("salt-plus-r", BAD_INPUT, "A field element below r.", mine | {"salt": "9" * 77})
    prices = json.loads(EPOCH.snapshot.to_json_bytes())["assets"]
    prices[0]["price_ticks"] += 1
    dearer = market(time_ms=EPOCH.snapshot.time_ms, assets=prices).to_json_bytes()
    add(
        "other-prices",
        refused("snapshot_mismatch"),
        "Another market.",
        mine,
        market=corpus.put("inclusion/dearer.market.json", dearer),
    )
    later = market(time_ms=EPOCH.snapshot.time_ms + 1, assets=json.loads(EPOCH.snapshot.to_json_bytes())["assets"])
    path = corpus.put("inclusion/later.market.json", later.to_json_bytes())
    add("other-time", refused("time_mismatch"), "Another time.", mine, market=path)
    wider = json.loads(EPOCH.snapshot.to_json_bytes()) | {"profile": "standard"}
    path = corpus.put("inclusion/standard.market.json", encoded(wider))
    add("other-profile", refused("profile_mismatch"), "A market of another profile.", mine, market=path)
    key = OTHER_VENUE_KEY.public_key().public_bytes_raw().hex()
    add(
        "other-venue",
        refused("wrong_venue"),
        "Not the pinned venue.",
        mine,
        policy={"now_ms": NOW_MS, "venue_public_key": key},
    )
    forged = json.loads(record.to_json_bytes()) | {"account_count": 6}
    add(
        "record-edited",
        refused("record_signature_invalid"),
        "Changed after signing.",
        mine,
        record=corpus.put("inclusion/edited.record.json", encoded(forged)),
    )

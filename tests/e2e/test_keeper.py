"""The keeper by its command: a real engine, real proofs, a real registry behind JSON-RPC."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prover.keeper.deployment import read_deployment
from prover.keeper.journal import Journal, sole_keeper
from prover.keeper.keeper import CLEARS
from prover.keeper.types import State
from tests.support.command_line import ROOT, zkm2m, zkm2m_json
from tests.support.json_rpc import Dropped
from tests.support.keeper_chain import (
    FALLEN,
    STRANGER_KEY,
    Scene,
    keeper_scene,
    move_price,
    next_epoch,
)
from tests.support.onchain import HOLDER


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with keeper_scene(tmp_path_factory.mktemp("venue")) as scene:
        yield scene


@pytest.fixture
def scene(made: Scene) -> Iterator[Scene]:
    """The scene with an empty journal; what a test did to the chain is taken back."""
    snapshot = made.tester.take_snapshot()
    made.node.asked.clear()
    yield made
    made.node.before = made.node.after = lambda _method: None
    made.tester.revert_to_snapshot(snapshot)
    for path in made.folder.glob("journal.sqlite*"):
        path.unlink()


def states(told: dict[str, Any]) -> list[str]:
    return [breach["state"] for breach in told["breaches"]]


def test_a_breach_is_proven_and_the_flag_goes_up_once(scene: Scene) -> None:
    before = scene.owner_nonce()
    first = scene.keep()
    assert states(first) == ["submitted"]
    assert scene.raised() == 1
    scene.tester.mine_blocks(2)
    second = scene.keep()
    assert states(second) == ["confirmed"]
    (breach,) = second["breaches"]
    assert breach["account"] == FALLEN
    assert [step["state"] for step in breach["history"]] == ["breach", "proved", "submitted", "confirmed"]
    _, _, _, epoch, turn, by_venue, flagged = scene.entry()
    assert (epoch, turn, by_venue, flagged) == (1, 1, True, True)
    again = scene.keep()
    assert again == second
    assert (scene.raised(), scene.owner_nonce()) == (1, before + 1)
    shown = zkm2m("keeper", "status", scene.journal)
    assert "confirmed" in shown.stdout
    assert zkm2m_json("keeper", "status", scene.journal) == second


def test_a_dry_run_signs_nothing_and_leaves_no_journal(scene: Scene) -> None:
    told = scene.keep("--dry-run")
    assert (states(told), told["breaches"][0]["reason"]) == (["proved"], "would be submitted now")
    assert not scene.journal.exists()
    assert "eth_sendRawTransaction" not in scene.node.asked


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_breaks_is_no_second_submission(scene: Scene, when: str) -> None:
    nonce, left = scene.owner_nonce(), [1]

    def drop(asked: str) -> None:
        if asked == "eth_sendRawTransaction" and left[0]:
            left[0] -= 1
            raise Dropped

    setattr(scene.node, when, drop)
    assert "node 127.0.0.1: ConnectionError" in scene.refused()
    assert scene.raised() == (when == "after")
    scene.keep()
    scene.tester.mine_blocks(2)
    assert states(scene.keep()) == ["confirmed"]
    assert (scene.raised(), scene.owner_nonce()) == (1, nonce + 1)


@pytest.mark.slow
def test_no_wording_of_a_node_decides_anything(scene: Scene) -> None:
    """The node takes the transaction, and says that it does not."""
    nonce = scene.owner_nonce()
    scene.node.after = lambda method: (-32000, "nonce too low", None) if method == "eth_sendRawTransaction" else None
    told = zkm2m(*scene.words("--once"))
    assert "the node says: nonce too low" in told.stderr
    scene.tester.mine_blocks(2)
    assert states(scene.keep()) == ["confirmed"]
    assert (scene.raised(), scene.owner_nonce()) == (1, nonce + 1)


@pytest.mark.slow
def test_a_reorganisation_sends_the_same_transaction_again(scene: Scene) -> None:
    before = scene.tester.take_snapshot()
    nonce = scene.owner_nonce()
    (breach,) = scene.keep()["breaches"]
    assert scene.raised() == 1
    scene.tester.revert_to_snapshot(before)
    scene.tester.mine_block()
    assert scene.raised() == 0
    (after,) = scene.keep()["breaches"]
    assert after["transactions"] == breach["transactions"]
    scene.tester.mine_blocks(2)
    assert states(scene.keep()) == ["confirmed"]
    assert (scene.raised(), scene.owner_nonce()) == (1, nonce + 1)


def test_a_revert_is_told_by_the_registrys_own_name(scene: Scene) -> None:
    told = scene.keep(key=STRANGER_KEY)
    assert [(entry["state"], entry["reason"]) for entry in told["breaches"]] == [("refused", "NotHolderNorOwner")]
    assert "eth_sendRawTransaction" not in scene.node.asked


def begun(scene: Scene, *more: object) -> subprocess.Popen[bytes]:
    """Begin a keeper in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    words = [sys.executable, "-m", "cli", *(str(word) for word in scene.words(*more))]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


def kill(scene: Scene, when: str, method: str) -> None:
    """Begin a keeper, and kill it as the node begins to serve its first request of a method, or has served it."""
    reached, release = threading.Event(), threading.Event()

    def stop(asked: str) -> None:
        if asked == method and not reached.is_set():
            reached.set()
            release.wait(60)
            raise Dropped

    setattr(scene.node, when, stop)
    process = begun(scene, "--once")
    while not reached.wait(0.05) and process.poll() is None:
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    release.set()
    setattr(scene.node, when, lambda _method: None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("when", "method", "state", "raised"),
    [
        ("before", "eth_maxPriorityFeePerGas", State.PROVED, 0),  # not signed yet
        ("before", "eth_sendRawTransaction", State.SUBMITTED, 0),  # signed, and not sent
        ("after", "eth_sendRawTransaction", State.SUBMITTED, 1),  # sent, and not told so
    ],
)
def test_a_killed_keeper_goes_on_where_it_was(scene: Scene, when: str, method: str, state: State, raised: int) -> None:
    nonce = scene.owner_nonce()
    kill(scene, when, method)
    with Journal.open(scene.journal) as journal:
        assert [breach.state for breach in journal.breaches()] == [state]
    assert scene.raised() == raised
    scene.keep()
    scene.tester.mine_blocks(2)
    assert states(scene.keep()) == ["confirmed"]
    assert (scene.raised(), scene.owner_nonce()) == (1, nonce + 1)


@pytest.mark.slow
def test_it_watches_until_it_is_interrupted(scene: Scene) -> None:
    process = begun(scene, "--interval", "0.1", "--json")
    while not scene.raised() and process.poll() is None:
        time.sleep(0.1)
    scene.tester.mine_blocks(2)
    while not confirmed(scene) and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert states(json.loads(output)) == ["confirmed"]
    assert b"Traceback" not in said


def confirmed(scene: Scene) -> bool:
    with Journal.open(scene.journal) as journal:
        return bool(journal.in_state(State.CONFIRMED))


def test_an_epoch_that_the_venue_does_not_keep_as_the_registry_has_it_is_waited_for(scene: Scene) -> None:
    path = scene.house.epochs / "1" / "record.json"
    kept = path.read_text()
    try:
        path.write_text(kept.replace("Test Venue", "Best Venue"))
        (breach,) = scene.keep()["breaches"]
        assert breach["state"] == "breach"
        assert "must be the record that the registry has of this epoch" in breach["reason"]
        path.unlink()
        assert "cannot be read" in scene.keep()["breaches"][0]["reason"]
    finally:
        path.write_text(kept)


def test_a_keeper_holds_a_node_to_chain_and_code(scene: Scene) -> None:
    path = scene.folder / "deployment.json"
    kept = path.read_text()
    deployment = json.loads(kept)
    code, addresses = deployment["code_keccak"], deployment["contracts"]
    for changes, reason in (
        ({"chain_id": 1}, "wrong_chain"),
        ({"code_keccak": {**code, "SolvencyRegistry": "00" * 32}}, "wrong_code"),
        ({"code_keccak": {**code, "AccountSmallVerifier": "00" * 32}}, "wrong_code"),
        ({"contracts": {**addresses, "SolvencyRegistry": addresses["MergeSmallVerifier"]}}, "wrong_code"),
    ):
        path.write_text(json.dumps({**deployment, **changes}))
        try:
            assert reason in scene.refused()
        finally:
            path.write_text(kept)
        assert not scene.journal.exists()
    words = [word for word in scene.words("--once") if word != "--allow-development"]
    result = zkm2m(*words)
    assert (result.exit_code, "development_key" in result.stderr) == (1, True)


def test_a_key_that_others_can_read_is_refused_and_never_shown(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    words = scene.words("--once", key="0x" + "ee" * 40)
    result = zkm2m(*words)
    assert result.exit_code == 2
    assert "eeee" not in result.output + result.stderr
    (scene.folder / "keeper.key").chmod(0o644)
    assert zkm2m(*words).exit_code == 2
    monkeypatch.setenv("ZKM2M_KEEPER_KEY", "not a key")
    place = words.index("--key-file")
    result = zkm2m(*words[:place], *words[place + 2 :])
    assert (result.exit_code, "not a key" in result.stderr) == (2, False)


def test_a_journal_is_about_one_contract_venue_and_sender_and_has_one_keeper(scene: Scene, tmp_path: Path) -> None:
    scene.keep()
    assert "must be of sender" in scene.refused(key=STRANGER_KEY)
    assert zkm2m("keeper", "status", tmp_path / "none.sqlite").exit_code == 2
    with sole_keeper(scene.journal):
        assert "in use by another keeper" in scene.refused()


def test_the_deployment_script_by_its_command(made: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from examples import deploy_registry

    (tmp_path / "contracts.json").write_text((made.folder / "contracts.json").read_text())
    monkeypatch.setenv("DEPLOYER_KEY", f"0x{1:064x}")
    given = {"folder": tmp_path, "rpc": made.node.url, "governor": HOLDER}
    with pytest.raises(SystemExit, match="development key"):
        deploy_registry.main(**given)
    deploy_registry.main(**given, allow_development=True)
    found, kept = read_deployment(tmp_path), read_deployment(made.folder)
    assert (found.chain_id, found.account_verifier.code_keccak) == (kept.chain_id, kept.account_verifier.code_keccak)
    # The registry has the addresses of its verifiers in its code.
    assert found.registry.code_keccak != kept.registry.code_keccak


@pytest.mark.slow
def test_an_account_that_recovers_is_not_submitted_and_falls_again_later(tmp_path: Path) -> None:
    with keeper_scene(tmp_path) as scene:
        engine = scene.engine
        market = engine.venue.live.rates.snapshot
        low = next(entry.forward_ticks for entry in market.instruments if entry.underlying == "BTC")
        move_price(engine, "up", low * 10 // 7)
        assert scene.keep()["breaches"] == []
        next_epoch(scene)
        move_price(engine, "down", low)
        (breach,) = scene.keep()["breaches"]
        assert (breach["state"], breach["reason"]) == ("breach", CLEARS)
        next_epoch(scene)
        assert states(scene.keep()) == ["submitted"]
        assert scene.entry()[3] == 3

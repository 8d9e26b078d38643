"""``zkm2m ceremony``: keys that no one party could have made alone, from a public phase-1 file to the key folder."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.files import write_public
from cli.options import ForceFlag, JsonFlag, ProverBackend
from cli.progress import stages
from cli.render import console, facts, print_json, table, utc
from prover import ceremony as maker
from prover.atomic import atomic_folder
from prover.circuits import build, find_circuit
from prover.paths import build_folder
from rtnet_core.errors import InputError, ToolError
from verifier.ceremony.chain import MAX_BEACON_EXPONENT, MIN_BEACON_EXPONENT, Beacon, Chain, read_chain, require_sound
from verifier.ceremony.circuit_key import Circuit
from verifier.ceremony.documents import CIRCUIT_NAME, Attestation, Ceremony, contributor_name
from verifier.ceremony.phase_1 import Phase1
from verifier.ceremony.reasons import refuse
from verifier.ceremony.transcript import (
    CEREMONY_FILE,
    Transcript,
    attestation_file,
    file_sha256,
    key_file,
    last_key,
    read_ceremony,
    require_of_ceremony,
    verify_ceremony,
)
from verifier.keystore import PinnedKey

app = typer.Typer(help="Ceremonies: keys that no one party could have made alone.", no_args_is_help=True)

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The ceremony's folder.")]
Phase1Option = Annotated[Path, typer.Option("--phase-1", metavar="FILE", help="The phase-1 file (.ptau).")]
R1csOption = Annotated[
    Path | None,
    typer.Option("--r1cs", metavar="FILE", help="The constraint system; left out: built from the circuit's sources."),
]
BackendOption = Annotated[
    ProverBackend, typer.Option("--backend", help="What makes the contribution: native, snarkjs, or what is there.")
]
SnarkjsFlag = Annotated[bool, typer.Option("--snarkjs", help="Have snarkjs check the key as well.")]


@app.command(
    "new",
    epilog="Example: zkm2m ceremony new account-standard --phase-1 powersOfTau28_hez_final_16.ptau --out ceremony",
)
def new(
    circuit: Annotated[str, typer.Argument(metavar="CIRCUIT", help="A circuit's name, or an .r1cs file.")],
    phase_1: Phase1Option,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The ceremony's folder; must not exist yet.")],
    permit_unknown: Annotated[
        bool,
        typer.Option(
            "--unknown-phase-1",
            help="Take a phase-1 file that is none of the public ceremony; the keys are not for production.",
        ),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Begin a ceremony: check the phase-1 file, and make the first key, to which nobody contributed yet."""
    if out.exists():
        raise InputError(str(out), "must not exist yet")
    opened = Phase1.open(phase_1, permit_unknown=permit_unknown)
    name, r1cs = _constraint_system(circuit)
    opened.require_room(Circuit.open(r1cs).domain_size)
    with stages(f"making the first key of {name}"), atomic_folder(out) as folder:
        first = key_file(folder, 0)
        maker.make_first_key(r1cs, phase_1, first)
        made = Ceremony(
            circuit=name,
            r1cs_sha256=file_sha256(r1cs),
            phase_1_power=opened.power,
            phase_1_blake2b_512=opened.blake2b_512,
            circuit_hash=read_chain(first).circuit_hash,
            first_key_sha256=file_sha256(first),
        )
        write_public(folder / CEREMONY_FILE, made.to_json_bytes())
    if as_json:
        print_json(made.model_dump(mode="json"))
        return
    rows = {
        "circuit": name,
        "constraint system": made.r1cs_sha256,
        "phase 1": f"power {opened.power}, {_origin(made)}",
        "first key": made.first_key_sha256,
        "next": f"send {first.name} and {CEREMONY_FILE} to the first contributor",
    }
    console().print(facts(f"Ceremony begun in {out}", rows))


@app.command("contribute", epilog='Example: zkm2m ceremony contribute ceremony --name "Ada Lovelace"')
def contribute(
    place: Annotated[Path, typer.Argument(metavar="DIR|FILE", help="The ceremony's folder, or the last key's file.")],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="Who contributes; public.")],
    entropy: Annotated[
        str | None,
        typer.Option(
            "--entropy", metavar="TEXT", help="Added to the system's randomness; left out: asked for at a terminal."
        ),
    ] = None,
    backend: BackendOption = ProverBackend.AUTO,
    as_json: JsonFlag = False,
) -> None:
    """Contribute to the last key: write the next one, and the text that the contributor publishes.

    The folder needs no more than the last key and ceremony.json. The secret is written nowhere: one contributor who
    keeps none makes the key safe for everybody.
    """
    contributor_name(name)
    if entropy is None and sys.stdin.isatty():
        question = "Type at random, then Enter"
        entropy = typer.prompt(question, default="", hide_input=True, show_default=False, err=True)
    step, chosen = _Step.open(place), maker.chosen_backend(backend)
    with stages(f"contribution {step.number} of {name}"):
        maker.contribute(step.before, step.after, name, (entropy or "").encode(), chosen)
    _show_step(step, step.attest(name, maker.tool_versions(chosen)), as_json=as_json)


@app.command(
    "beacon",
    epilog="Example: zkm2m ceremony beacon ceremony --beacon 01ab23cd --iterations 20 --source 'Bitcoin block 950000'",
)
def beacon(
    folder: FolderArgument,
    value: Annotated[str, typer.Option("--beacon", metavar="HEX", help="A value that nobody could foresee.")],
    iterations: Annotated[
        int,
        typer.Option(
            "--iterations",
            min=MIN_BEACON_EXPONENT,
            max=MAX_BEACON_EXPONENT,
            help="The value is hashed 2 to this power times.",
        ),
    ],
    source: Annotated[str, typer.Option("--source", metavar="TEXT", help="Where the value is from.")] = "",
    backend: BackendOption = ProverBackend.AUTO,
    as_json: JsonFlag = False,
) -> None:
    """End the ceremony with a contribution whose secret follows from a public value that came after all others."""
    try:
        known = Beacon(bytes.fromhex(value), iterations)
    except ValueError:
        raise InputError("beacon", "must be bytes in hexadecimal", value) from None
    if not 1 <= len(known.value) <= 255 or not source.isprintable():
        raise InputError("beacon", "must have 1 to 255 bytes, and a source that can be printed")
    step, chosen = _Step.open(folder), maker.chosen_backend(backend)
    with stages("applying the beacon"):
        maker.apply_beacon(step.before, step.after, "beacon", known.value, iterations, chosen)
    attestation = step.attest("beacon", maker.tool_versions(chosen), known, source)
    _show_step(step, attestation, as_json=as_json)


@app.command("verify", epilog="Example: zkm2m ceremony verify ceremony --phase-1 powersOfTau28_hez_final_16.ptau")
def verify(
    folder: FolderArgument,
    phase_1: Phase1Option,
    r1cs: R1csOption = None,
    production: Annotated[
        bool, typer.Option("--production", help="Refuse what is not a finished ceremony on a public phase-1 file.")
    ] = False,
    snarkjs: SnarkjsFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Check a ceremony from its files alone: circuit, phase 1, every contribution, every attestation."""
    transcript = _verified(folder, phase_1, r1cs, snarkjs=snarkjs)
    if production:
        transcript.require_production()
    _show(transcript, as_json=as_json)


@app.command(
    "finish",
    epilog="Example: zkm2m ceremony finish ceremony --phase-1 powersOfTau28_hez_final_16.ptau --out release-keys",
)
def finish(
    folder: FolderArgument,
    phase_1: Phase1Option,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="The folder of keys; left out: this project's build/keys."),
    ] = None,
    r1cs: R1csOption = None,
    snarkjs: SnarkjsFlag = False,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Check a ceremony that a beacon ended, and write its key folder: keys, lock file and transcript."""
    target = (out or build_folder() / "keys") / read_ceremony(folder).circuit
    if target.exists() and not force:
        raise InputError(str(target), "exists already; --force replaces it")
    transcript = _verified(folder, phase_1, r1cs, snarkjs=snarkjs)
    transcript.require_finished()
    last = transcript.contributions[-1].beacon
    with stages(f"writing {target}"):
        maker.write_key_folder(
            target,
            transcript.key,
            transcript.to_json(),
            development=not transcript.ceremony.public_phase_1,
            beacon=last.value.hex() if last else "",
        )
    pinned = PinnedKey.load(target)
    if as_json:
        print_json({"keys": str(target), "vk_id": pinned.vk_id, "development": pinned.development})
        return
    rows = {
        "circuit": pinned.circuit,
        "verifying key": pinned.vk_id,
        "contributions": f"{pinned.contributions}, the beacon included",
        "for production": "no: unknown phase 1" if pinned.development else "yes",
    }
    console().print(facts(f"Keys written to {target}", rows))


def _constraint_system(circuit: str) -> tuple[str, Path]:
    """Return a circuit's name and its constraint system: built from the sources, or the file that was named."""
    if not circuit.endswith(".r1cs"):
        with stages(f"building {circuit}"):
            return circuit, build(find_circuit(circuit).name).r1cs
    path = Path(circuit)
    if not re.fullmatch(CIRCUIT_NAME, path.stem):
        raise InputError(circuit, "must be named after its circuit: lower-case letters, digits and hyphens")
    return path.stem, path


@dataclass(frozen=True, slots=True)
class _Step:
    """A ceremony before and after one more contribution."""

    ceremony: Ceremony
    chain: Chain
    before: Path

    @classmethod
    def open(cls, place: Path) -> _Step:
        """Return the state of a folder or of a key's file: sound, of its ceremony, and not ended by a beacon."""
        before = last_key(place) if place.is_dir() else place
        ceremony, chain = read_ceremony(before.parent), read_chain(before)
        if chain.closed:
            raise refuse("after_beacon", f"{before.name} has {len(chain.contributions)} contributions")
        with stages("checking the contributions so far"):
            require_of_ceremony(chain, ceremony)
            require_sound(chain)
        return cls(ceremony, chain, before)

    @property
    def number(self) -> int:
        """The number of the contribution that is made now."""
        return len(self.chain.contributions) + 1

    @property
    def after(self) -> Path:
        """The file of the new key."""
        return key_file(self.before.parent, self.number)

    def attest(self, name: str, made_with: str, known: Beacon | None = None, source: str = "") -> Attestation:
        """Write and return the attestation of the new key's contribution, after reading it back."""
        made = read_chain(self.after).contributions
        if made[:-1] != self.chain.contributions or (made[-1].name, made[-1].beacon) != (name, known):
            self.after.unlink()
            raise ToolError(f"{made_with} wrote another contribution than it should: try the other backend")
        attestation = Attestation(
            circuit=self.ceremony.circuit,
            number=self.number,
            name=name,
            contribution_hash=made[-1].hash,
            key_before=file_sha256(self.before),
            key_after=file_sha256(self.after),
            made_with=made_with,
            made_at=utc(time.time_ns() // 1_000_000),
            beacon="" if known is None else str(known),
            beacon_source=source,
        )
        write_public(attestation_file(self.after.parent, self.number), attestation.text().encode())
        return attestation


def _show_step(step: _Step, attestation: Attestation, *, as_json: bool) -> None:
    path = attestation_file(step.after.parent, step.number)
    if as_json:
        print_json({**asdict(attestation), "key": str(step.after), "attestation": str(path)})
        return
    typer.echo(attestation.text())
    typer.echo(f"Publish this text ({path}), and pass it on with {step.after.name} and {CEREMONY_FILE}.")


def _verified(folder: Path, phase_1: Path, r1cs: Path | None, *, snarkjs: bool) -> Transcript:
    system = r1cs or _constraint_system(read_ceremony(folder).circuit)[1]
    with stages("checking the ceremony"):
        transcript = verify_ceremony(folder, system, phase_1)
    if snarkjs:
        with stages("checking the key with snarkjs"):
            if not maker.snarkjs_accepts(system, phase_1, transcript.key):
                raise refuse("snarkjs_differs", transcript.key.name)
    return transcript


def _show(transcript: Transcript, *, as_json: bool) -> None:
    content: dict[str, Any] = transcript.to_json()
    if as_json:
        print_json(content)
        return
    rows = [
        (number, contribution.name, contribution.hash[:32], "yes" if attested else "no text here")
        for number, (contribution, attested) in enumerate(
            zip(transcript.contributions, transcript.attested, strict=True), 1
        )
    ]
    columns = (">number", "name", "contribution hash", "attested")
    console().print(table(f"Contributions to {transcript.key.name}", columns, rows))
    ceremony = transcript.ceremony
    about = {
        "circuit": f"{ceremony.circuit}, r1cs {ceremony.r1cs_sha256[:16]}",
        "phase 1": f"power {ceremony.phase_1_power}, {_origin(ceremony)}",
        "ended": _ending(transcript),
        "verifying key": content["vk_id"] or "none: nobody contributed, anyone can forge",
    }
    console().print(facts("Checked from the files alone", about))


def _origin(ceremony: Ceremony) -> str:
    return "of the public ceremony" if ceremony.public_phase_1 else "of unknown origin: not for production"


def _ending(transcript: Transcript) -> str:
    last = transcript.contributions[-1].beacon if transcript.contributions else None
    return "no: open for contributions" if last is None else f"by the beacon {last}"

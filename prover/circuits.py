"""The table of circuits, their builds held to the lock file, and what each of their parts costs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from prover.atomic import write_atomically
from prover.compiler import FLAGS, Build, Circuit, compile_circuit, compiler_version, package_version
from prover.paths import artifact_lock
from rtnet_core.errors import InputError, ToolError
from rtnet_core.limits import PROFILES, THRESHOLD_BITS, Profile
from rtnet_core.totals import no_totals

LOCK_FORMAT: Final = "zkm2m/artifacts/v1"
#: The circuits that the lock file pins; the others are built on demand.
PINNED_CIRCUITS: Final = (
    *("account-small", "account-standard"),
    *("batch-small", "batch-standard"),
    *("merge-small", "merge-standard"),
    *("market-small", "market-standard"),
)
_KEYS: Final = {"format", "compiler", "circomlib", "flags", "circuits"}
_ENTRY_KEYS: Final = {"r1cs_sha256", "wasm_sha256", "constraints", "public"}


class Part(NamedTuple):
    """A template of a circuit whose cost is shown on its own: where it stands, and its call.

    `call` may name the profile's sizes: ``{K}`` instruments, ``{U}`` underlyings, ``{A}`` assets, ``{S}`` scenarios,
    ``{D}`` depth, ``{B}`` accounts of a batch, ``{M}`` children of a merge, ``{F}`` elements of packed totals, ``{N}``
    oracles, ``{Q}`` of which sign.
    """

    include: str
    call: str


#: Every part; which circuit has which, see `_Kind`.
PARTS: Final[Mapping[str, Part]] = {
    "risk array root": Part("circuits/commitments/risk_array_root.circom", "RiskArrayRoot({K}, {U}, {A}, {S})"),
    "risk fields root": Part("circuits/commitments/risk_fields_root.circom", "RiskFieldsRoot({K}, {U}, {A}, {S})"),
    "parameters root": Part("circuits/commitments/params_root.circom", "ParamsRoot({U}, {A})"),
    "leaf": Part("circuits/commitments/leaf.circom", "Leaf({K}, {A})"),
    "book membership": Part("circuits/commitments/book_membership.circom", "BookMembership({D})"),
    "account rule": Part("circuits/margin/account_margin.circom", "AccountMargin({K}, {U}, {A}, {S})"),
    "account totals": Part("circuits/totals/account_totals.circom", "AccountTotals({K}, {U}, {A}, {S})"),
    "batch root": Part("circuits/commitments/batch_root.circom", "BatchRoot({B})"),
    "totals commitment": Part("circuits/totals/totals_commitment.circom", "TotalsCommitment({F})"),
    "oracle quorum": Part("circuits/oracle/oracle_quorum.circom", "OracleQuorum({N}, {Q})"),
    "snapshot hash": Part("circuits/commitments/snapshot_hash.circom", "SnapshotHash({K}, {U}, {A})"),
    "scenarios hash": Part("circuits/commitments/scenarios_hash.circom", "ScenariosHash({U}, {A}, {S})"),
    "one scenario shock": Part("circuits/pricing/scenario_shock.circom", "ScenarioShock()"),
    "one instrument row": Part("circuits/pricing/instrument_row.circom", "InstrumentRow({S})"),
}


class _Kind(NamedTuple):
    """A template that is proven, at the sizes of any profile: its public inputs, and the parts it is made of."""

    include: str
    call: str
    public: tuple[str, ...]
    parts: tuple[str, ...]


_KINDS: Final[Mapping[str, _Kind]] = {
    "account": _Kind(
        "circuits/account.circom",
        "Account({K}, {U}, {A}, {S}, {D})",
        ("riskRoot", "paramsRoot", "bookRoot", "thresholdBps", "context"),
        ("risk array root", "parameters root", "leaf", "book membership", "account rule"),
    ),
    "batch": _Kind(
        "circuits/batch.circom",
        "Batch({K}, {U}, {A}, {S}, {B})",
        ("riskRoot", "paramsRoot", "thresholdBps", "accountCount", "context"),
        ("risk fields root", "parameters root", "leaf", "account totals", "batch root", "totals commitment"),
    ),
    "merge": _Kind("circuits/merge.circom", "Merge({K}, {A}, {M})", ("child", "context"), ("totals commitment",)),
    "market": _Kind(
        "circuits/market.circom",
        "Market({K}, {U}, {A}, {S}, {N}, {Q})",
        ("oraclesRoot", "snapshotHash", "timeMs", "paramsRoot", "riskRoot"),
        (
            *("oracle quorum", "snapshot hash", "scenarios hash", "parameters root"),
            *("one scenario shock", "one instrument row", "risk fields root"),
        ),
    ),
}


def _sized(call: str, profile: Profile) -> str:
    return call.format(
        K=profile.instruments,
        U=profile.underlyings,
        A=profile.assets,
        S=profile.scenarios,
        D=profile.depth,
        B=profile.batch,
        M=profile.merge,
        N=profile.oracles,
        Q=profile.quorum,
        F=len(no_totals(profile).packed()),
    )


#: Every circuit by its name; those of profile ``wide`` are built on demand only.
CIRCUITS: Final[Mapping[str, Circuit]] = {
    f"{name}-{profile.name}": Circuit(
        name=f"{name}-{profile.name}",
        include=kind.include,
        call=_sized(kind.call, profile),
        public=kind.public,
        profile=profile.name,
    )
    for name, kind in _KINDS.items()
    for profile in PROFILES.values()
}


def find_circuit(name: str) -> Circuit:
    """Return the circuit of that name.

    Raises
    ------
    InputError
        There is none.
    """
    if name not in CIRCUITS:
        raise InputError("circuit", f"must be one of {', '.join(CIRCUITS)}", name)
    return CIRCUITS[name]


def build(name: str, *, check_lock: bool = True) -> Build:
    """Return the build of the circuit `name`, made now unless an up-to-date one exists.

    Parameters
    ----------
    name
        A name of `prover.circuits.CIRCUITS`.
    check_lock
        Whether a pinned circuit must have the hashes of the lock file. Only whoever edits the circuits turns it off.

    Raises
    ------
    InputError
        There is no circuit of that name, or the lock file is not of its format.
    ToolError
        The compiler failed, or made something else than the lock file names.
    """
    built = compile_circuit(find_circuit(name))
    if check_lock:
        require_locked(built)
    return built


def require_locked(built: Build) -> None:
    """Refuse a build that differs from its entry in the lock file; a circuit without an entry passes.

    Raises
    ------
    InputError
        The lock file is not of its format.
    ToolError
        A pinned circuit has no entry, or the build differs in hash, constraint count or public signals.
    """
    entry = read_lock().get(built.circuit)
    if entry is None:
        if built.circuit in PINNED_CIRCUITS:
            raise ToolError(f"{artifact_lock()} has no entry for {built.circuit}: run `zkm2m circuits lock`")
        return
    differing = [key for key, value in _entry(built).items() if entry[key] != value]
    if differing:
        raise ToolError(
            f"{built.circuit} differs from {artifact_lock()} in {', '.join(differing)}: run `npm ci` to get the pinned "
            "compiler; if the circuit was changed on purpose, run `zkm2m circuits lock` and note it in the changelog"
        )


def read_lock() -> dict[str, dict[str, object]]:
    """Return the lock file's entries by circuit, none if there is no lock file yet.

    Raises
    ------
    InputError
        The lock file is not of its format.
    """
    path = artifact_lock()
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(str(path), "must be a readable JSON file") from error
    if not isinstance(content, dict) or set(content) != _KEYS or content["format"] != LOCK_FORMAT:
        raise InputError(str(path), f"must be a {LOCK_FORMAT} file")
    entries = content["circuits"]
    if not isinstance(entries, dict) or any(not isinstance(e, dict) or set(e) != _ENTRY_KEYS for e in entries.values()):
        raise InputError(str(path), f"must have the keys {', '.join(sorted(_ENTRY_KEYS))} for every circuit")
    return entries


def update_lock(names: Iterable[str] = PINNED_CIRCUITS) -> list[Build]:
    """Build the named circuits and write the lock file from them; entries of other circuits are dropped.

    Returns
    -------
    list of Build
        What was built and pinned.

    Raises
    ------
    InputError
        A name is no circuit's.
    ToolError
        A circuit does not compile.
    """
    builds = [build(name, check_lock=False) for name in names]
    content = {
        "format": LOCK_FORMAT,
        "compiler": compiler_version(),
        "circomlib": package_version("circomlib"),
        "flags": list(FLAGS),
        "circuits": {built.circuit: _entry(built) for built in builds},
    }
    write_atomically(artifact_lock(), json.dumps(content, indent=2) + "\n")
    return builds


def _entry(built: Build) -> dict[str, object]:
    return {
        "r1cs_sha256": built.r1cs_sha256,
        "wasm_sha256": built.wasm_sha256,
        "constraints": built.constraints,
        "public": list(built.public),
    }


def part_constraints(profile_name: str, label: str) -> int:
    """Return how many constraints one part has on its own, at the sizes of a profile.

    Raises
    ------
    InputError
        The profile or the part does not exist.
    ToolError
        The part does not compile.
    """
    if profile_name not in PROFILES:
        raise InputError("profile", f"must be one of {', '.join(PROFILES)}", profile_name)
    if label not in PARTS:
        raise InputError("part", f"must be one of {', '.join(PARTS)}", label)
    part = PARTS[label]
    return compile_circuit(
        Circuit(
            name=f"part-{label.replace(' ', '-')}-{profile_name}",
            include=part.include,
            call=_sized(part.call, PROFILES[profile_name]),
            witness_program=False,
        )
    ).constraints


@dataclass(frozen=True, slots=True)
class CostRow:
    """One line of the cost table; the parts of a circuit need not add up to it: the compiler simplifies the whole."""

    circuit: str
    profile: str
    constraints: int
    parts: Mapping[str, int]


def parts_of(name: str) -> dict[str, int]:
    """Return the constraints of each part of a circuit, measured on the part alone."""
    kind = _KINDS[name.split("-", 1)[0]]
    return {label: part_constraints(find_circuit(name).profile, label) for label in kind.parts}


def table(names: Iterable[str] = PINNED_CIRCUITS) -> list[CostRow]:
    """Return the cost of each named circuit and of its parts, measured on the compiled constraint systems."""
    return [
        CostRow(name, find_circuit(name).profile, compile_circuit(find_circuit(name)).constraints, parts_of(name))
        for name in names
    ]


@dataclass(frozen=True, slots=True)
class BatchCost:
    """Constraints of a batch: once for all of its accounts, and for each of them, its node of the tree included."""

    once: int
    per_account: int


def batch_cost(row: CostRow) -> BatchCost:
    """Return how the constraints of a batch divide: those of no account, and the rest by accounts, rounded up."""
    shared = ("risk fields root", "parameters root", "totals commitment")
    once = sum(row.parts[label] for label in shared) + THRESHOLD_BITS + 1
    return BatchCost(once, -((once - row.constraints) // PROFILES[row.profile].batch))

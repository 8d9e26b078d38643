"""What is said about the circuits is true: constants, headers, links to Python, bit budget, README."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

import rtnet_core
from prover.bit_budget import bit_budget
from prover.circuit_docs import circuits_readme
from prover.circuit_headers import REQUIRED_TAGS, Header, python_twin, read_sources
from prover.circuit_limits import limits_circom
from prover.inputs import margin_inputs
from prover.paths import circuit_sources, project_root
from rtnet_core.errors import InputError
from rtnet_core.limits import MAX_SAFE_BITS, PROFILES
from tests.support.forge import bench
from tests.support.margin_cases import random_case

HEADERS = {header.template: header for source in read_sources() for header in source.headers}
FILES = {header.template: source.name for source in read_sources() for header in source.headers}
TWIN = re.compile(r"Circuit twin: circuits/([\w/]+\.circom):(\w+)")


def test_constants_are_those_of_the_limits() -> None:
    assert (circuit_sources() / "limits.circom").read_text("utf-8") == limits_circom()


def test_readme_is_fresh() -> None:
    """If this fails: `python -m prover.circuit_docs`."""
    assert (circuit_sources() / "README.md").read_text("utf-8") == circuits_readme()


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_every_template_says_what_it_proves(header: Header) -> None:
    for tag in REQUIRED_TAGS:
        assert header.first(tag), f"@{tag} is missing"
    named = {name for text in header.tags.get("param", ()) for name in re.findall(r"[A-Z]\w*", text)}
    assert set(header.parameters) <= named


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_every_input_and_output_stands_in_the_header(header: Header) -> None:
    code = next(source.code for source in read_sources() if source.name == FILES[header.template])
    for direction in ("input", "output"):
        text = " ".join(header.tags[direction])
        for signal in re.findall(rf"signal {direction} (\w+)", code):
            covered = "others" in text or "…" in text or signal in re.findall(r"\w+", text)
            assert covered, f"@{direction} does not name {signal}"


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_every_template_mirrors_python_that_names_it(header: Header) -> None:
    """The link goes both ways: ``@mirrors`` imports, and its module names the template's file."""
    twin = python_twin(header.first("mirrors"))
    module = sys.modules[".".join(header.first("mirrors").split(".")[:2])]
    text = inspect.getdoc(twin) or ""
    # Plain range checks and lanes are used by more than their template; RiskFieldsRoot is a half of RiskArrayRoot.
    one_way = {"UnsignedBits", "SignedBits", "Lanes", "RiskFieldsRoot"}
    assert header.template in one_way or (FILES[header.template], header.template) in TWIN.findall(text)
    assert module.__name__.startswith("rtnet_core.")


def test_every_twin_that_python_names_exists() -> None:
    names = {path.stem for path in Path(rtnet_core.__path__[0]).glob("*.py")} - {"__init__"}
    found = set()
    for name in sorted(names):
        import_module(f"rtnet_core.{name}")
    for package in ("rtnet_core", "prover"):
        for path in (project_root() / package).glob("*.py"):
            found |= set(TWIN.findall(path.read_text("utf-8")))
    assert found
    assert {(file, template) for file, template in found if FILES.get(template) != file} == set()


@pytest.mark.parametrize(
    "dotted", ["rtnet_core.limits", "os.path.join", "rtnet_core.limits.nothing", "rtnet_core.no.no"]
)
def test_a_twin_that_does_not_exist_is_refused(dotted: str) -> None:
    with pytest.raises(InputError, match="@mirrors"):
        python_twin(dotted)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
def test_a03_no_intermediate_leaves_its_bits(profile) -> None:  # type: ignore[no-untyped-def]
    rows = bit_budget(profile)
    assert [row for row in rows if not row.holds] == []
    assert all(row.limit_bits <= MAX_SAFE_BITS for row in rows)
    assert {row.template for row in rows} == set(HEADERS) - {
        "Account",
        "Batch",
        "Market",
        "Merge",
        "OracleQuorum",
        "PoseidonPermutation",
    }  # which only put the others together, or take any field element


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"instruments": 1024, "underlyings": 4}, {"ScanRisk"}),
        ({"instruments": 4096, "underlyings": 1}, {"PositionSize", "ScanRisk", "NetExposure"}),
        ({"assets": 512}, {"AccountMargin"}),
    ],
)
def test_budget_sees_a_profile_that_is_too_large(change: dict[str, int], broken: set[str]) -> None:
    rows = bit_budget(replace(PROFILES["wide"], **change))  # type: ignore[arg-type]
    assert broken <= {row.template for row in rows if not row.holds}


def test_budget_is_not_below_what_occurs() -> None:
    """Magnitudes in witnesses of extreme accounts stay within the rows, and come within a few bits of some."""
    rows = {(row.template, row.quantity): row for row in bit_budget(PROFILES["small"])}
    watched = {
        "nlvE4": rows["AccountMargin", "nlvE4"],
        "required": rows["AccountMargin", "required"],
        "underlying[0].maintenanceE4": rows["UnderlyingMargin", "maintenanceE4"],
        "underlying[0].scanRisk": rows["ScanRisk", "magnitude of pnl[s]"],
        "underlying[0].size.gross": rows["PositionSize", "gross, shortOptions"],
        "underlying[0].sizeE4": rows["SizeAddOn", "addOnE4"],
        "creditE4[0]": rows["CollateralCredit", "creditE4"],
    }
    rule = bench("margin/account_margin.circom", "AccountMargin(8, 2, 3, 16)")
    most = dict.fromkeys(watched, 0)
    for seed in range(12):
        case = random_case("small", seed, extreme=True)
        witness = rule.forge(margin_inputs(case.account, case.risk, case.params, case.threshold_bps))
        for name in watched:
            most[name] = max(most[name], abs(witness[name]).bit_length())
    for name, row in watched.items():
        assert most[name] <= row.bits
        assert most[name] >= row.bits - 12

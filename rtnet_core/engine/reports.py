"""What some events tell beside having been applied: a function of the state before them, so a replay tells the same."""

from __future__ import annotations

from rtnet_core.engine.clearing_report import ClearReport
from rtnet_core.engine.delivery import DeliveryReport
from rtnet_core.engine.tuning import TuneReport

Report = ClearReport | DeliveryReport | TuneReport

"""A real Chromium without a window, on files alone: every request is noted, and the network is off."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
#: Of a telephone.
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "color_scheme": "dark",
}


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield a running Chromium; the test is skipped where it or what drives it is not installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("Chromium is not installed")
    # Chromium's own sandbox does not work for the superuser, as whom tests run in containers.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """One page opened from a file, at a given time of the clock.

    Attributes
    ----------
    page
        Of playwright.
    requests
        Address of everything that was asked for.
    complaints
        Errors of scripts, and what the console said.
    """

    def __init__(self, browser: Any, file: Path, now_ms: int, **options: Any) -> None:
        self._context = browser.new_context(offline=True, **options)
        self.page = self._context.new_page()
        self.page.clock.set_fixed_time(now_ms)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(file.as_uri())

    def drop(self, file: Path) -> None:
        """Drop a file on the page's target, as a mouse does."""
        data = self.page.evaluate_handle(
            """([name, text]) => {
                const data = new DataTransfer();
                data.items.add(new File([new TextEncoder().encode(text)], name));
                return data;
            }""",
            [file.name, file.read_text("utf-8")],
        )
        self.page.dispatch_event("#target", "drop", {"dataTransfer": data})

    def choose(self, file: Path) -> None:
        """Choose a file."""
        self.page.set_input_files("#file", file)

    def answer(self) -> tuple[str, str]:
        """Return the headline of the answer, and the code of a refusal or nothing."""
        headline = self.page.locator("#verdict")
        headline.wait_for(timeout=120_000)
        code = self.page.locator("#code")
        return headline.inner_text(), code.inner_text() if code.count() else ""

    def is_too_wide(self) -> bool:
        """Return whether the page must be scrolled sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

    def close(self) -> None:
        """Close it with all that it stored."""
        self._context.close()

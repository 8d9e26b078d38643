"""Pictures that commands draw: checked before the work, the same bytes for the same content."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.files import check_output, write_public
from rtnet_core.errors import InputError
from rtnet_core.extras import missing_extra

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FORMATS: Final = {".png": "png", ".svg": "svg"}

PlotOption = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", help="A picture too: .png or .svg; an older one is replaced.")
]


def check_picture(path: Path | None, option: str = "--plot") -> None:
    """Check that a picture can be written to `path`, which `option` gave, if there is to be one.

    Raises
    ------
    InputError
        The name ends in something else than .png or .svg, or no file can be put there.
    """
    if path is None:
        return
    if path.suffix.lower() not in _FORMATS:
        raise InputError(option, f"must end with {' or '.join(_FORMATS)}", path.name)
    check_output(path)


def write_picture(path: Path, paint: Callable[[Figure], None], *, width: float = 7.0, height: float = 4.5) -> None:
    """Write the figure that `paint` fills, `width` by `height` inches, in the format that the file's name asks for.

    Raises
    ------
    ToolError
        The package matplotlib is not installed.
    """
    write_public(path, picture(paint, _FORMATS[path.suffix.lower()], width=width, height=height))


def picture(paint: Callable[[Figure], None], picture_format: str, *, width: float = 7.0, height: float = 4.5) -> bytes:
    """Return the figure that `paint` fills as ``png`` or ``svg``; the same content makes the same bytes.

    Raises
    ------
    ToolError
        The package matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_extra("matplotlib", "market") from None
    stream = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "zkm2m", "font.size": 8, "axes.titlesize": 8, "timezone": "UTC"}):
        figure = Figure(figsize=(width, height), layout="constrained")
        paint(figure)
        metadata = {"Date": None} if picture_format == "svg" else {"Software": None}
        figure.savefig(stream, format=picture_format, dpi=120, metadata=metadata)
    return stream.getvalue()

"""Books in Parquet: written and read in row batches, so that memory does not grow with the number of accounts.

Columns: ``id`` string, ``cash_ticks`` int64, ``collateral`` and ``positions`` map<string, int64>. Rows enter and leave
this module as the objects that JSON lines would hold.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rtnet_core.errors import InputError
from rtnet_core.extras import missing_extra

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

COLUMNS: Final = ("id", "cash_ticks", "collateral", "positions")
_MAPS: Final = ("collateral", "positions")
#: Rows decoded at a time.
_BATCH_ROWS: Final = 1_024
#: Rows written as one row group, which is what the writer holds.
_GROUP_ROWS: Final = 8_192
_READ_BUFFER_BYTES: Final = 1 << 20


def parquet_count(path: Path) -> int:
    """Return the number of rows that the file's own metadata states.

    Raises
    ------
    InputError
        The file is unreadable, no Parquet, or has other columns.
    ToolError
        pyarrow is not installed.
    """
    with _opened(path) as file:
        return file.metadata.num_rows


def parquet_rows(path: Path) -> Iterator[dict[str, Any] | InputError]:
    """Yield each row as an object, or as the error that it is: not UTF-8, or a name twice in one map.

    Raises
    ------
    InputError
        The file is unreadable, no Parquet, or has other columns.
    ToolError
        pyarrow is not installed.
    """
    with _opened(path) as file:
        number = 0
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=list(COLUMNS), use_threads=False):
            for entries in _batch_rows(batch):
                number += 1
                yield _object(entries, f"{path.name} row {number}")


def parquet_chunks(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield the bytes of a Parquet file that holds `rows`, a row group at a time.

    Raises
    ------
    ToolError
        pyarrow is not installed.
    """
    pa, pq = _pyarrow()
    numbers = pa.map_(pa.string(), pa.int64())
    schema = pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("cash_ticks", pa.int64(), nullable=False),
            pa.field("collateral", numbers, nullable=False),
            pa.field("positions", numbers, nullable=False),
        ]
    )
    sink, stream = _Sink(), iter(rows)
    writer = pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd")
    try:
        while group := list(islice(stream, _GROUP_ROWS)):
            columns: dict[str, list[Any]] = {name: [row[name] for row in group] for name in COLUMNS}
            for name in _MAPS:
                columns[name] = [sorted(entries.items()) for entries in columns[name]]
            writer.write_table(pa.table(columns, schema=schema), row_group_size=_GROUP_ROWS)
            yield sink.take()
    finally:
        writer.close()
    yield sink.take()


class _Sink(io.RawIOBase):
    """Keeps what was written to it until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        """Return True: it is there to be written to."""
        return True

    def tell(self) -> int:
        """Return how many bytes were written in all."""
        return self._written

    def write(self, data: Any) -> int:
        """Keep a copy of the bytes."""
        self._parts.append(bytes(data))
        self._written += len(self._parts[-1])
        return len(self._parts[-1])

    def take(self) -> bytes:
        """Return what was written since the last call."""
        taken, self._parts = b"".join(self._parts), []
        return taken


def _pyarrow() -> tuple[Any, Any]:
    # pyarrow takes a quarter of a second to load: only what touches Parquet pays.
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise missing_extra("pyarrow", "venue") from None
    return pa, pq


@contextmanager
def _opened(path: Path) -> Iterator[ParquetFile]:
    """Yield the file once its columns are known to be right; pyarrow's own words may quote the file and are dropped."""
    pa, pq = _pyarrow()
    try:
        with path.open("rb") as stream, pq.ParquetFile(stream, buffer_size=_READ_BUFFER_BYTES) as file:
            _check_columns(pa, file.schema_arrow, path.name)
            yield file
    except pa.ArrowException as error:
        raise InputError(str(path), f"must be Parquet: {type(error).__name__}") from None
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror or type(error).__name__}") from None


def _check_columns(pa: Any, schema: pa.Schema, name: str) -> None:
    if sorted(schema.names) != sorted(COLUMNS):
        raise InputError(name, f"must have the columns {', '.join(COLUMNS)} and no other")

    def text(kind: pa.DataType) -> bool:
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))

    if not text(schema.field("id").type):
        raise InputError(f"{name}: column id", "must be of type string")
    if not pa.types.is_int64(schema.field("cash_ticks").type):
        raise InputError(f"{name}: column cash_ticks", "must be of type int64")
    for column in _MAPS:
        kind = schema.field(column).type
        if not (pa.types.is_map(kind) and text(kind.key_type) and pa.types.is_int64(kind.item_type)):
            raise InputError(f"{name}: column {column}", "must be of type map<string, int64>")


def _batch_rows(batch: Any) -> Iterator[list[Any]]:
    """Yield the rows of a batch as lists in the order of `COLUMNS`; what is no UTF-8 is its error."""
    columns = [batch.column(name) for name in COLUMNS]
    try:
        decoded = [column.to_pylist() for column in columns]
    except UnicodeDecodeError:
        # One row is to blame: find it, and let the others pass.
        decoded = [[_decoded(value) for value in column] for column in columns]
    for row in zip(*decoded, strict=True):
        yield list(row)


def _decoded(value: Any) -> Any:
    try:
        return value.as_py()
    except UnicodeDecodeError as error:
        return error


def _object(entries: list[Any], source: str) -> dict[str, Any] | InputError:
    row = dict(zip(COLUMNS, entries, strict=True))
    for name, value in row.items():
        if isinstance(value, UnicodeDecodeError):
            return InputError(f"{source}: {name}", "must be UTF-8 text")
        if name in _MAPS and value is not None:
            row[name] = dict(value)
            if len(row[name]) != len(value):
                return InputError(f"{source}: {name}", "must not repeat a key")
    return row

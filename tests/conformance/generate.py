"""Make the conformance corpus anew: ``python -m tests.conformance.generate``. The same bytes on every machine."""

from __future__ import annotations

import shutil

from tests.conformance.account_cases import add_account_cases
from tests.conformance.book_cases import add_book_cases
from tests.conformance.corpus_files import CORPUS, Corpus
from tests.conformance.market_cases import add_market_cases
from tests.conformance.world import put_common


def corpus_content() -> dict[str, bytes]:
    """Return every generated file of the corpus by its path."""
    corpus = Corpus()
    put_common(corpus)
    add_account_cases(corpus)
    add_market_cases(corpus)
    add_book_cases(corpus)
    return corpus.content()


def main() -> None:
    """Write the corpus, its README left as it is."""
    content = corpus_content()
    for entry in CORPUS.iterdir() if CORPUS.is_dir() else ():
        if entry.is_dir():
            shutil.rmtree(entry)
    for path, data in content.items():
        file = CORPUS / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


if __name__ == "__main__":
    main()

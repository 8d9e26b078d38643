"""The real-time core: events in, a ledger that balances after each of them, margins that are always current."""

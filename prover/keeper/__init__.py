"""The keeper: margin breaches of a running engine, proven and brought to a registry, each at most once."""

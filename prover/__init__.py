"""From a committed book to a proof: circuits, witnesses, keys, backends."""

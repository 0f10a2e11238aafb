"""Floor 2: items, keys, expiry and events over the keyspaces of a store."""

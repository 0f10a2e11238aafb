"""The commands, a module for those that go together."""

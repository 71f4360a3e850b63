"""Which Kitto this is; CHANGELOG.md says what each version brought."""

VERSION = "0.2.0.dev0"

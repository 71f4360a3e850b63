"""An attacker's script: every attempt has a name, and none of them gains anything."""

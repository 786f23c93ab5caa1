"""Sealed tasks: evidence, grant, inputs in memory, the component, sealed outputs, the signed statement.

Needs the `cryptography` package (`pip install sealflow[seal]`). Protocol: docs/reference/broker-protocol.md.
"""

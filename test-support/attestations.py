"""Holds attestations against the standards' own code, which shares nothing with ours.

Standard input: a JSON list of {"envelope", "publicKey" (raw Ed25519, hex)} or {"statement"}. Each envelope is verified by
securesystemslib (DSSE), each statement read by the in-toto project's own messages, and provenance by SLSA's, strictly: an
unknown member, another type or a member that gets lost on the way is an error. Prints the predicate types, in order.
"""

import json
import sys

from google.protobuf.json_format import MessageToDict, ParseDict
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

PROVENANCE = "https://slsa.dev/provenance/v1"
IN_TOTO = "application/vnd.in-toto+json"


def payload_of(signed):
    """The payload of an envelope whose only signature holds."""
    envelope = Envelope.from_dict(json.loads(json.dumps(signed["envelope"])))
    (keyid,) = envelope.signatures
    key = SSlibKey(keyid, "ed25519", "ed25519", {"public": signed["publicKey"]})
    assert set(envelope.verify([key], 1)) == {keyid}
    assert envelope.payload_type == IN_TOTO
    return json.loads(envelope.payload)


def strictly(value, message):
    """The message of a JSON value, when it holds all of it."""
    ParseDict(value, message)
    again = MessageToDict(message, always_print_fields_with_no_presence=False)
    assert without_empty(again) == without_empty(value), f"{again}\nis not\n{value}"
    return message


def without_empty(value):
    """What the messages don't distinguish from an absent member is left out."""
    if isinstance(value, dict):
        members = {name: without_empty(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member not in ({}, [], "")}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


def check_provenance(predicate):
    """SLSA's provenance v1, with the members that its specification requires."""
    message = strictly(predicate, provenance_pb2.Provenance())
    build, run = message.build_definition, message.run_details
    assert ":" in build.build_type, "buildType is a URI"
    assert ":" in run.builder.id, "builder.id is a URI"
    assert len(build.external_parameters) > 0
    for descriptor in [*build.resolved_dependencies, *run.byproducts, *run.builder.builder_dependencies]:
        ResourceDescriptor.copy_from_pb(descriptor).validate()


def check_statement(value):
    """in-toto's Statement v1."""
    message = strictly(value, statement_pb2.Statement())
    Statement.copy_from_pb(message).validate()
    if message.predicate_type == PROVENANCE:
        check_provenance(value["predicate"])
    return message.predicate_type


def main():
    """Check each, or end with the error."""
    given = json.load(sys.stdin)
    statements = [each["statement"] if "statement" in each else payload_of(each) for each in given]
    print(json.dumps([check_statement(statement) for statement in statements]))


main()

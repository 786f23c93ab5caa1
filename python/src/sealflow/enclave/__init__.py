"""A task's pod: an untrusted shim outside the enclave, and what runs inside."""

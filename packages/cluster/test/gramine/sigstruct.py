"""Checks a SIGSTRUCT as the SDM describes it, with another RSA: prints what it says as JSON, or fails."""

import base64
import hashlib
import json
import struct
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

raw = base64.b64decode(sys.stdin.read())
assert len(raw) == 1808
assert raw[0:16].hex() == "06000000e10000000000010000000000"
assert raw[24:40].hex() == "01010000600000006000000001000000"
n = int.from_bytes(raw[128:512], "little")
e = int.from_bytes(raw[512:516], "little")
s = int.from_bytes(raw[516:900], "little")
key = rsa.RSAPublicNumbers(e, n).public_key()
key.verify(s.to_bytes(384, "big"), raw[0:128] + raw[900:1028], padding.PKCS1v15(), hashes.SHA256())
q1 = int.from_bytes(raw[1040:1424], "little")
q2 = int.from_bytes(raw[1424:1808], "little")
assert q1 == s * s // n
assert q2 == (s**3 - q1 * s * n) // n
# What the processor computes with q1 and q2, without a division.
assert pow(s, 3, n) == (s * (s * s - q1 * n)) - q2 * n
assert not any(raw[40:128]) and not any(raw[908:928]) and not any(raw[1028:1040])
flags, xfrm, flags_mask, xfrm_mask = struct.unpack_from("<QQQQ", raw, 928)
print(
    json.dumps(
        {
            "date": f"{struct.unpack_from('<I', raw, 20)[0]:08x}",
            "mrenclave": raw[960:992].hex(),
            "mrsigner": hashlib.sha256(raw[128:512]).hexdigest(),
            "product": struct.unpack_from("<H", raw, 1024)[0],
            "svn": struct.unpack_from("<H", raw, 1026)[0],
            "misc": struct.unpack_from("<II", raw, 900),
            "flags": hex(flags),
            "xfrm": hex(xfrm),
            "flagsMask": hex(flags_mask),
            "xfrmMask": hex(xfrm_mask),
            "exponent": e,
        }
    )
)

"""Reads an image with Python's own tools, and prints what a container engine would find.

Arguments: registry host, repository, digest.
"""

import gzip
import hashlib
import io
import json
import sys
import tarfile
import urllib.request

host, name, digest = sys.argv[1:]


def get(path: str) -> bytes:
    request = urllib.request.Request(f"http://{host}/v2/{name}/{path}")
    request.add_header("accept", "application/vnd.oci.image.manifest.v1+json")
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def named(path: str, expected: str) -> bytes:
    content = get(f"{path}/{expected}")
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == expected
    return content


manifest = json.loads(named("manifests", digest))
config = json.loads(named("blobs", manifest["config"]["digest"]))
files, times, owners, diff_ids = {}, set(), set(), []
for index, layer in enumerate(manifest["layers"]):
    packed = named("blobs", layer["digest"])
    assert len(packed) == layer["size"]
    archive = gzip.decompress(packed)
    diff_ids.append(f"sha256:{hashlib.sha256(archive).hexdigest()}")
    for member in tarfile.open(fileobj=io.BytesIO(archive)):
        if index >= 2:
            times.add(member.mtime)
            owners.add((member.uid, member.gid, member.uname))
        if member.isfile():
            content = tarfile.open(fileobj=io.BytesIO(archive)).extractfile(member.name).read()
            files["/" + member.name] = hashlib.sha256(content).hexdigest()
manifest_path = "/opt/sealflow/gramine/entrypoint.manifest.sgx"
print(
    json.dumps(
        {
            "config": config,
            "diffIdsMatch": diff_ids == config["rootfs"]["diff_ids"],
            "files": files,
            "times": sorted(times),
            "owners": sorted(owners),
            "layers": len(manifest["layers"]),
            "enclave": manifest_path in files,
        }
    )
)

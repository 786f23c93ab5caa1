"""MRENCLAVE derived a second time, from the Intel SDM and the description of Gramine's layout, for tests alone.

Reads a JSON object with base64 `manifest` and `libpal`, `size`, `threads` and `edmm`; prints the measurement in hex.
Everything is put into one sparse memory image first, and the image is hashed after that.
"""

import base64
import hashlib
import json
import struct
import sys

PAGE = 4096


def up(n):
    return -(-n // PAGE) * PAGE


def main():
    job = json.load(sys.stdin)
    manifest = base64.b64decode(job["manifest"]) + b"\0"
    elf = base64.b64decode(job["libpal"])
    size, threads = job["size"], job["threads"]

    entry, phoff = struct.unpack_from("<QQ", elf, 24)
    (phnum,) = struct.unpack_from("<H", elf, 56)
    loads = []
    for i in range(phnum):
        kind, flags, off, vaddr, _, filesz, memsz, _ = struct.unpack_from("<IIQQQQQQ", elf, phoff + 56 * i)
        if kind == 1:
            loads.append((flags, off, vaddr, filesz, memsz))
    span = up(max(v + m for _, _, v, _, m in loads))

    top = size
    areas = []  # (start, end, secinfo flags, measured)

    def take(length, flags):
        nonlocal top
        end, top = top, top - up(length)
        areas.append((top, end, flags, True))
        return top

    rw = 0x203
    at_manifest = take(len(manifest), 0x201)
    at_ssa = take(threads * 2 * 4 * PAGE, rw)
    at_tcs = take(threads * PAGE, 0x100)
    at_tls = take(threads * PAGE, rw)
    stacks = [take(64 * PAGE, rw) for _ in range(threads)]
    signals = [take(16 * PAGE, rw) for _ in range(threads)]
    pal = top - span
    for flags, _, vaddr, _, memsz in loads:
        start = vaddr // PAGE * PAGE
        perm = (1 if flags & 4 else 0) | (2 if flags & 2 else 0) | (4 if flags & 1 else 0)
        areas.append((pal + start, pal + up(vaddr + memsz), 0x200 | perm, True))
    if not job["edmm"]:
        areas.append((0x10000, pal, 0x207, False))

    memory = {}

    def poke(address, data):
        for i, byte in enumerate(data):
            page, offset = divmod(address + i, PAGE)
            memory.setdefault(page, bytearray(PAGE))[offset] = byte

    poke(at_manifest, manifest)
    for flags, off, vaddr, filesz, _ in loads:
        poke(pal + vaddr, elf[off : off + filesz])
    for t in range(threads):
        tcs = at_tcs + t * PAGE
        tls = at_tls + t * PAGE
        ssa = at_ssa + t * 2 * 4 * PAGE
        # TCS: STAGE, FLAGS, OSSA, CSSA, NSSA, OENTRY, AEP, OFSBASE, OGSBASE, FSLIMIT, GSLIMIT
        poke(tcs, struct.pack("<QQQIIQQQQII", 0, 0, ssa, 0, 2, pal + entry, 0, 0, tls, 0xFFF, 0xFFF))
        words = [0] * 55
        words[0], words[1] = tls, 0xBADBADBADBAD
        words[34:37] = [size, tcs, stacks[t] + 64 * PAGE]
        words[38:40] = [signals[t], signals[t] + 16 * PAGE]
        words[41:43] = [ssa, ssa + 4 * PAGE - 184]
        words[52:55] = [len(manifest), 0x10000, pal]
        poke(tls, struct.pack("<55Q", *words))

    blank = bytes(PAGE)
    h = hashlib.sha256(b"ECREATE\0" + struct.pack("<IQ", 4, size) + bytes(44))
    for start, end, flags, measured in areas:
        for address in range(start, end, PAGE):
            h.update(b"EADD\0\0\0\0" + struct.pack("<QQ", address, flags) + bytes(40))
            if not measured:
                continue
            page = memory.get(address // PAGE, blank)
            for i in range(0, PAGE, 256):
                h.update(b"EEXTEND\0" + struct.pack("<Q", address + i) + bytes(48) + page[i : i + 256])
    print(h.hexdigest())


main()

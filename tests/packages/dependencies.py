"""Prints the list of dependencies that cargo-auditable put into a program: `kind name version` a line."""

import json
import struct
import sys
import zlib

program = open(sys.argv[1], "rb").read()
# ELF-64, little endian: where the headers of the sections are, how many, and which one has the names.
assert program[:6] == b"\x7fELF\x02\x01", "no program of 64 bits"
start, = struct.unpack_from("<Q", program, 0x28)
size, count, names = struct.unpack_from("<HHH", program, 0x3A)
sections = [struct.unpack_from("<IIQQQQ", program, start + index * size) for index in range(count)]
names = sections[names][4]
for name, _, _, _, offset, length in sections:
    name = program[names + name : program.index(b"\0", names + name)]
    if name == b".dep-v0":
        for package in json.loads(zlib.decompress(program[offset : offset + length]))["packages"]:
            print(package.get("kind", "runtime"), package["name"], package["version"])

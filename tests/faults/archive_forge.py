"""Forges archives byte by byte: what no honest tool would write. Standard library only."""
import gzip
import io
import struct
import zlib

END = bytes(1024)


def octal(value, width):
    return b"%0*o\0" % (width - 1, value)


def base256(value, width):
    return (value & ((1 << (8 * width)) - 1) | (0x80 << (8 * (width - 1)))).to_bytes(width, "big")


def header(name, size=0, type=b"0", mode=0o644, link=b"", magic=b"ustar\00000", prefix=b"", dev=(0, 0),
           size_field=None, sum_delta=0, mtime=None):
    """One 512-byte tar header."""
    field = octal(size, 12) if size_field is None else size_field
    block = name[:100].ljust(100, b"\0") + octal(mode, 8) + octal(0, 8) + octal(0, 8) + field
    block += (octal(0, 12) if mtime is None else mtime) + b" " * 8 + type + link[:100].ljust(100, b"\0")
    block += magic + b"root".ljust(32, b"\0") + b"root".ljust(32, b"\0") + octal(dev[0], 8) + octal(dev[1], 8)
    block = (block + prefix[:155].ljust(155, b"\0")).ljust(512, b"\0")
    total = sum(block) + sum_delta
    return block[:148] + b"%06o\0 " % total + block[156:]


def pad(data):
    return data + bytes(-len(data) % 512)


def entry(name, data=b"", **fields):
    fields.setdefault("size", len(data))
    return header(name, **fields) + pad(data)


def pax_record(key, value):
    body = b" " + key + b"=" + value + b"\n"
    length = len(body)
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def pax(records, type=b"x", raw=None):
    body = b"".join(pax_record(k, v) for k, v in records) if raw is None else raw
    return entry(b"PaxHeaders/x", body, type=type)


def gnu_long(name, type=b"L"):
    return entry(b"././@LongLink", name + b"\0", type=type, magic=b"ustar  \0")


def tar(*parts):
    return b"".join(parts) + END


def gz(data, level=9):
    return gzip.compress(data, level, mtime=0)


def zst(chunks):
    """A zstd frame without compression: bytes as raw blocks, (byte, count) as run-length blocks of 128 KiB."""
    out = [b"\x28\xb5\x2f\xfd", b"\x00", b"\x58"]  # no content size, 2 MiB window
    blocks = []
    for chunk in chunks:
        if isinstance(chunk, tuple):
            blocks += [(1, 131072, bytes([chunk[0]]))] * chunk[1]
        else:
            blocks += [(0, len(chunk[i:i + 131072]), chunk[i:i + 131072]) for i in range(0, len(chunk), 131072)]
    for i, (kind, size, body) in enumerate(blocks):
        last = 1 if i == len(blocks) - 1 else 0
        out += [struct.pack("<I", last | kind << 1 | size << 3)[:3], body]
    return b"".join(out)


class Zip:
    """Local headers, central directory and end record, each field to be told apart."""

    def __init__(self):
        self.body, self.central, self.count = bytearray(), bytearray(), 0

    def add(self, name, data=b"", method=8, mode=0o100644, flags=0, central_name=None, crc=None, csize=None,
            usize=None, central_csize=None, central_usize=None, extra=b"", central_extra=b"", offset=None,
            payload=None, system=3, descriptor=False, local=True):
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        raw = payload if payload is not None else data if method == 0 else packer.compress(data) + packer.flush()
        crc = zlib.crc32(data) if crc is None else crc
        csize = len(raw) if csize is None else csize
        usize = len(data) if usize is None else usize
        flags |= 8 if descriptor else 0
        at = len(self.body) if offset is None else offset
        if local:
            shown = (0, 0, 0) if descriptor else (crc, csize, usize)
            self.body += struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, flags, method, 0, 0x21, *shown, len(name),
                                     len(extra)) + name + extra + raw
            if descriptor:
                self.body += struct.pack("<IIII", 0x08074B50, crc, csize, usize)
        shown_name = name if central_name is None else central_name
        self.central += struct.pack(
            "<IBBHHHHHIIIHHHHHII", 0x02014B50, 20, system, 20, flags, method, 0, 0x21, crc,
            csize if central_csize is None else central_csize, usize if central_usize is None else central_usize,
            len(shown_name), len(central_extra), 0, 0, 0, mode << 16, at) + shown_name + central_extra
        self.count += 1
        return self

    def end(self, count=None, prefix=b"", comment=b"", central_offset=None, zip64=None):
        count = self.count if count is None else count
        at = len(self.body) if central_offset is None else central_offset
        tail = b""
        if zip64 is not None:
            here = len(prefix) + len(self.body) + len(self.central)
            tail = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, zip64, zip64, len(self.central), at)
            tail += struct.pack("<IIQI", 0x07064B50, 0, here, 1)
        tail += struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count & 0xFFFF, count & 0xFFFF, len(self.central),
                            at, len(comment)) + comment
        return prefix + bytes(self.body) + bytes(self.central) + tail


def zip_of(*names, **fields):
    archive = Zip()
    for name in names:
        archive.add(name, b"x", **fields)
    return archive.end()

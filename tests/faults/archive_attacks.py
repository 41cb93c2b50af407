#!/usr/bin/env python3
"""Attacks the extraction of bundles: docs/protocol/ARCHIVES.md's table and more of the kind.

    archive_attacks.py PROBE                 runs every case against the built packaging_probe
    archive_attacks.py --corpus DIR          writes the small ones as seeds for the fuzz target `archive`

Every case runs in a fresh folder with canaries around it. Whatever the verdict: nothing outside the folder changes,
the folder holds regular files and folders only, a refusal leaves it empty and says why, in printable words, and all
of it takes less than a second of processor time (a sanitizer's build gets five).
"""
import argparse
import os
import re
import resource
import shutil
import stat
import struct
import subprocess
import sys
import tempfile

from archive_forge import END, Zip, base256, entry, gnu_long, gz, header, pad, pax, tar, zip_of, zst

CASES = []  # (name, bytes or function, expectation): a list of files that are accepted, or a pattern of the refusal
LINK, SAFE = "link", entry(b"MLmodel", b"flavors: {}\n")


def case(name, data, expected):
    CASES.append((name, data, expected))


def gzip_both(name, data, expected):
    case(name, data, expected)
    case(name + ".gz", gz(data), expected)


def zeros(total, name=b"zeros"):
    return header(name, size=total) + bytes(total)


def add_names():
    dots, absolute = r"component '\.\.'", "absolute"
    for label, name, why in [
        ("dotdot", b"../x", dots), ("dotdot-deep", b"a/../../x", dots), ("dotdot-inside", b"a/../b", dots),
        ("dotdot-end", b"a/..", dots), ("dotdot-alone", b"..", dots), ("dot-dotdot", b"./../x", dots),
        ("absolute", b"/tmp/x", absolute), ("absolute-double", b"//x", absolute), ("dot-absolute", b".//x", absolute),
        ("double-slash", b"a//b", "empty component"), ("dot-inside", b"a/./b", r"component '\.'"),
        ("dot-alone", b".", r"component '\.'"), ("control", b"a\x01b", "byte 0x01"), ("newline", b"a\nb", "byte 0x0a"),
        ("ansi", b"\x1b[31mred", "byte 0x1b"), ("del", b"a\x7f", "byte 0x7f"), ("space", b"a b", "byte 0x20"),
        ("quote", b"a'b", "byte 0x27"), ("dollar", b"$(id)", "byte 0x24"), ("colon", b"C:x", "byte 0x3a"),
        ("tilde", b"~root", "byte 0x7e"), ("percent", b"%2e%2e%2fx", "byte 0x25"), ("star", b"*", "byte 0x2a"),
        ("utf8", "é".encode(), "byte 0xc3"), ("rtl", "a\u202ecod".encode(), "byte 0xe2"),
        ("fullwidth-dots", "．．/x".encode(), "byte 0xef"), ("bad-utf8", b"a\xff\xfe", "byte 0xff"),
        ("overlong-slash", b"..\xc0\xafx", "byte 0xc0"),
    ]:
        gzip_both(f"tar-name-{label}", tar(SAFE, entry(name, b"x")), why)
        case(f"zip-name-{label}", Zip().add(b"MLmodel", b"x").add(name, b"x").end(), why)
    case("tar-name-backslash", tar(entry(b"..\\x", b"x")), "byte 0x5c|component")
    case("zip-name-backslash-fat", Zip().add(b"..\\x", b"x", system=0).end(), "byte 0x5c|component")
    case("zip-name-backslash-unix", Zip().add(b"..\\x", b"x").end(), "byte 0x5c|component")
    case("tar-name-empty", tar(entry(b"", b"x")), "empty name|damaged|[Ii]nvalid")
    case("zip-name-empty", zip_of(b""), "empty name|pathname")
    case("tar-name-nul", tar(entry(b"a\0../../x", b"x")), ["a"])
    case("zip-name-nul", zip_of(b"a\0/../../x"), None)
    case("tar-name-slash-as-file", tar(SAFE, entry(b"a/", b"data")), "Damaged|component|contents")
    case("tar-prefix-dotdot", tar(entry(b"x", b"x", prefix=b"a/../..")), dots)
    case("tar-prefix-absolute", tar(entry(b"x", b"x", prefix=b"/etc")), absolute)
    case("tar-gnu-long-dotdot", tar(gnu_long(b"a/" * 60 + b"../" * 80 + b"x"), entry(b"a", b"x")), "component|deep")
    case("tar-gnu-long-5000", tar(gnu_long(b"n" * 5000), entry(b"a", b"x")), "name of")
    case("tar-gnu-long-1mib", tar(gnu_long(b"n" * (1 << 20)), entry(b"a", b"x")), "name of|too large|[Ll]ong")
    case("tar-gnu-long-ok", tar(gnu_long(b"d" * 120 + b"/f"), entry(b"a", b"x")), ["d" * 120 + "/f"])
    case("tar-gnu-long-twice", tar(gnu_long(b"x1"), gnu_long(b"../x2"), entry(b"a", b"x")), dots)
    case("tar-component-256", tar(pax([(b"path", b"c" * 256)]), entry(b"a", b"x")), "component of 256")
    case("tar-component-255", tar(pax([(b"path", b"c" * 255)]), entry(b"a", b"x")), ["c" * 255])
    case("tar-path-1025", tar(pax([(b"path", b"/".join([b"c" * 204] * 5) + b"x")]), entry(b"a", b"x")), "name of 1025")
    case("tar-depth-16", tar(entry(b"d/" * 15 + b"f", b"x")), ["d/" * 15 + "f"])
    case("tar-depth-17", tar(entry(b"d/" * 16 + b"f", b"x")), "16 folders")
    case("tar-depth-3000", tar(pax([(b"path", b"d/" * 3000 + b"f")]), entry(b"a", b"x")), "name of|deep")
    case("zip-name-5000", zip_of(b"n" * 5000), "name of")
    case("zip-depth-3000", zip_of(b"d/" * 3000 + b"f"), "name of|deep")
    unicode_path = struct.pack("<HHBI", 0x7075, 5 + 7, 1, 0x3A0F3EA1) + b"../evil"
    case("zip-unicode-path-extra", Zip().add(b"a", b"x", extra=unicode_path, central_extra=unicode_path).end(), None)


def add_twice():
    def both(name, first, second, why):
        case("tar-" + name, tar(first, second), why)

    both("same-name", entry(b"a", b"1"), entry(b"a", b"2"), "appears twice")
    both("same-name-dot", entry(b"a", b"1"), entry(b"./a", b"2"), "appears twice")
    both("same-name-case", entry(b"a", b"1"), entry(b"A", b"2"), "differs from 'a' in case")
    both("folder-case", entry(b"D/x", b"1"), entry(b"d/y", b"2"), "differs from 'D' in case")
    both("file-as-folder", entry(b"a", b"1"), entry(b"a/b", b"2"), "is a file and a folder")
    both("folder-as-file", entry(b"a/b", b"1"), entry(b"a", b"2"), "is a file and a folder")
    both("folder-entry-as-file", entry(b"a/", type=b"5"), entry(b"a", b"2"), "is a file and a folder")
    both("folder-twice", entry(b"a/", type=b"5"), entry(b"a", type=b"5"), "appears twice")
    both("folder-late", entry(b"a/b", b"1"), entry(b"a/", type=b"5"), ["a/b"])
    case("zip-same-name", zip_of(b"a", b"a"), "appears twice")
    case("zip-same-name-dot", zip_of(b"a", b"./a"), "appears twice")
    case("zip-same-name-case", zip_of(b"a", b"A"), "in case")
    case("zip-file-as-folder", zip_of(b"a", b"a/b"), "is a file and a folder")


def add_types():
    for label, kind, link in [("symlink-passwd", b"2", b"/etc/passwd"), ("symlink-up", b"2", b"../../.."),
                              ("symlink-inside", b"2", b"MLmodel"), ("symlink-self", b"2", b"x"),
                              ("hardlink-absolute", b"1", b"/etc/passwd"), ("hardlink-up", b"1", b"../../canary"),
                              ("hardlink-inside", b"1", b"MLmodel")]:
        gzip_both(f"tar-{label}", tar(SAFE, entry(b"x", type=kind, link=link)), LINK)
    case("tar-write-through-symlink", tar(entry(b"d", type=b"2", link=b".."), entry(b"d/canary", b"owned")), LINK)
    case("tar-hardlink-to-symlink", tar(entry(b"s", type=b"2", link=b"/etc/passwd"), entry(b"h", type=b"1", link=b"s")),
         LINK)
    case("tar-hardlink-with-data", tar(SAFE, entry(b"x", b"data", type=b"1", link=b"MLmodel")), LINK)
    case("tar-pax-linkpath", tar(pax([(b"linkpath", b"/etc/passwd")]), entry(b"x", type=b"2", link=b"y")), LINK)
    case("tar-gnu-longlink", tar(gnu_long(b"/etc/passwd", b"K"), entry(b"x", type=b"2", link=b"y")), LINK)
    case("tar-char-device", tar(entry(b"null", type=b"3", dev=(1, 3))), "device")
    case("tar-block-device", tar(entry(b"sda", type=b"4", dev=(8, 0))), "device")
    case("tar-fifo", tar(entry(b"pipe", type=b"6")), "a pipe")
    case("tar-contiguous", tar(entry(b"a", b"x", type=b"7")), None)
    case("tar-type-unknown", tar(entry(b"a", b"x", type=b"Z")), None)
    case("tar-type-volume", tar(entry(b"a", type=b"V"), SAFE), None)
    case("tar-type-multivolume", tar(entry(b"a", b"x", type=b"M"), SAFE), None)
    case("tar-type-dumpdir", tar(entry(b"a/", b"Yx\0\0", type=b"D"), SAFE), None)
    case("tar-setuid", tar(entry(b"sh", b"x", mode=0o6755)), ["sh"])
    case("tar-mode-zero", tar(entry(b"sh", b"x", mode=0)), ["sh"])
    case("tar-folder-with-data", tar(header(b"d/", size=4, type=b"5") + pad(b"data"), SAFE), None)
    case("zip-fifo", Zip().add(b"x", b"plain", mode=0o010644).end(), ["x"])  # the reader takes it for a file: it is one
    for label, mode in [("symlink", 0o120777), ("char-device", 0o020644), ("socket", 0o140644)]:
        case(f"zip-{label}", Zip().add(b"x", b"/etc/passwd", method=0, mode=mode).end(),
             "link|pipe|device|unknown type")
    case("zip-write-through-symlink",
         Zip().add(b"d", b"..", method=0, mode=0o120777).add(b"d/canary", b"owned").end(), LINK)
    case("zip-setuid", Zip().add(b"sh", b"x", mode=0o106755).end(), ["sh"])
    case("zip-folder-with-data", Zip().add(b"d/", b"data", method=0, mode=0o040755).add(b"a", b"x").end(), None)
    case("zip-encrypted", Zip().add(b"a", b"x" * 40, method=0, flags=1).end(), "encrypted")
    case("zip-strong-encryption", Zip().add(b"a", b"x" * 40, method=0, flags=0x41).end(), "encrypted")
    case("zip-aes", Zip().add(b"a", b"x" * 40, method=99, flags=1).end(), "encrypted|[Uu]nsupported|compression")


def add_sizes():
    big = 1 << 32
    case("tgz-claim-4gib", gz(header(b"big", size_field=base256(big, 12)) + bytes(1 << 20)), "more than")
    case("tar-claim-max-octal", header(b"big", size=0o77777777777) + bytes(4096), "more than")
    case("tar-size-negative", header(b"big", size_field=base256(-1, 12)) + END, "negative|out of range|[Ii]nvalid|size|damaged|Damaged|too large")
    case("tar-size-base256-max", header(b"big", size_field=b"\x80" + b"\xff" * 11) + END, None)
    case("tar-size-garbage", header(b"a", size_field=b"zzzzzzzzzzz\0") + pad(b"x") + END, None)
    case("tar-pax-size-negative", tar(pax([(b"size", b"-1")]), entry(b"a", b"x")), None)
    case("tar-pax-size-huge", tar(pax([(b"size", b"99999999999999999999")]), entry(b"a", b"x")), None)
    case("tar-pax-size-larger", tar(pax([(b"size", b"5000")]), entry(b"a", b"x")), "runcated|announced")
    case("tar-sparse-gnu-16tib", tar(header(b"s", size=512, type=b"S", magic=b"ustar  \0") + pad(b"x" * 512)), None)
    real = [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", b"s"),
            (b"GNU.sparse.realsize", str(16 << 40).encode())]
    case("tar-sparse-pax-16tib", tar(pax(real), entry(b"s", pad(b"1\n0\n1\n") + b"x")), "more than|sparse")
    old = [(b"GNU.sparse.size", str(1 << 20).encode()), (b"GNU.sparse.numblocks", b"1"),
           (b"GNU.sparse.map", b"1000000,1")]
    case("tar-sparse-pax-0.1", tar(pax(old), entry(b"s", b"x")), "sparse|announced|more than")
    case("tgz-bomb", lambda: gz(zeros(200 << 20) + END, 1), "100 times")
    case("tgz-bomb-many", lambda: gz(b"".join(zeros(1 << 20, b"z%d" % i) for i in range(150)) + END, 1), "100 times")
    case("tzst-bomb-runs", zst([header(b"zeros", size=200 << 20), (0, 1600), END]), "100 times")
    case("zip-bomb", lambda: Zip().add(b"zeros", bytes(200 << 20)).end(), "100 times")
    bomb = Zip()
    bomb.add(b"f0", bytes(1 << 20))
    for i in range(1, 300):
        bomb.add(b"f%d" % i, bytes(1 << 20), local=False, offset=0)
    case("zip-overlap-bomb", bomb.end(), None)
    case("zip-claim-small-is-large", Zip().add(b"a", bytes(5 << 20), usize=10).end(), None)
    case("zip-claim-4gib", Zip().add(b"a", b"x", usize=0xFFFFFFFE).end(), "more than")
    sizes = struct.pack("<HHQQ", 1, 16, 1 << 60, 1 << 60)
    case("zip64-claim-exbibyte", Zip().add(b"a", b"x", usize=0xFFFFFFFF, csize=0xFFFFFFFF, extra=sizes,
                                           central_extra=sizes).end(), "more than|[Ii]nvalid|runcated")
    case("zip64-claim-negative", Zip().add(b"a", b"x", usize=0xFFFFFFFF, csize=0xFFFFFFFF,
                                           extra=struct.pack("<HHQQ", 1, 16, 1 << 63, 1 << 63),
                                           central_extra=struct.pack("<HHQQ", 1, 16, 1 << 63, 1 << 63)).end(), None)
    case("zip64-entries-huge", zip_of(b"a")[:-22] + Zip().end(zip64=1 << 62), None)
    case("gz-small-and-compressible", gz(tar(entry(b"text", b"the same line\n" * 60000))), ["text"])
    case("tar-entries-10001", lambda: tar(*[entry(b"f%d" % i) for i in range(10001)]), "more than 10000 entries")
    case("tar-entries-10000", lambda: tar(*[entry(b"f%d" % i) for i in range(10000)]), [f"f{i}" for i in range(10000)])
    case("tar-folders-10001", lambda: gz(tar(*[entry(b"d%d/" % i, type=b"5") for i in range(10001)])), "more than 10000")
    case("tar-folders-only", tar(*[entry(b"d%d/" % i, type=b"5") for i in range(2000)]), "no files")
    case("zip-entries-10001", lambda: zip_of(*[b"f%d" % i for i in range(10001)]), "more than 10000 entries")


def add_pax():
    dots = r"component '\.\.'"
    case("pax-path-dotdot", tar(pax([(b"path", b"../../canary")]), entry(b"a", b"x")), dots)
    case("pax-path-absolute", tar(pax([(b"path", b"/tmp/x")]), entry(b"a", b"x")), "absolute")
    case("pax-path-nul", tar(pax([(b"path", b"b\0/../../x")]), entry(b"a", b"x")), None)
    case("pax-path-empty", tar(pax([(b"path", b"")]), entry(b"a", b"x")), None)
    case("pax-path-binary", tar(pax([(b"hdrcharset", b"BINARY"), (b"path", b"\xff\xfe")]), entry(b"a", b"x")), "byte 0xff")
    case("pax-path-bad-utf8", tar(pax([(b"path", b"\xc3\x28")]), entry(b"a", b"x")), "name")
    case("pax-path-utf8", tar(pax([(b"path", "日本".encode())]), entry(b"a", b"x")), "name")
    case("pax-global-path", tar(pax([(b"path", b"../g")], type=b"g"), entry(b"a", b"x")), None)
    case("pax-unknown-keys", tar(pax([(b"VENDOR.x%d" % i, b"y") for i in range(200)]), entry(b"a", b"x")), ["a"])
    case("pax-acl-xattr", tar(pax([(b"SCHILY.acl.access", b"user::rwx"), (b"SCHILY.xattr.user.x", b"y"),
                                   (b"LIBARCHIVE.xattr.security.capability", b"AQAAAg=="),
                                   (b"SCHILY.fflags", b"uchg")]), entry(b"a", b"x")), ["a"])
    case("pax-header-2mib", tar(pax([(b"comment", b"c" * (2 << 20))]), entry(b"a", b"x")), None)
    case("pax-header-claims-1gib", header(b"PaxHeaders/x", size=1 << 30, type=b"x") + bytes(1024), None)
    case("pax-length-zero", tar(pax(None, raw=b"0 path=x\n"), entry(b"a", b"x")), None)
    case("pax-length-huge", tar(pax(None, raw=b"99999999999999999999 path=x\n"), entry(b"a", b"x")), None)
    case("pax-length-short", tar(pax(None, raw=b"5 path=../x\n"), entry(b"a", b"x")), None)
    case("pax-no-newline", tar(pax(None, raw=b"11 path=../xx"), entry(b"a", b"x")), None)
    case("pax-alone", tar(pax([(b"path", b"b")])), None)
    case("pax-globals-1000", tar(*[pax([(b"comment", b"c")], type=b"g") for _ in range(1000)], SAFE), None)
    case("pax-1000-before-one", tar(*[pax([(b"path", b"p")]) for _ in range(1000)], SAFE), None)
    case("pax-time-odd", tar(pax([(b"mtime", b"-99999999999999.9"), (b"atime", b"nan")]), entry(b"a", b"x")), None)


def add_containers():
    whole = tar(SAFE, entry(b"config.yaml", b"y" * 700))
    listed = ["MLmodel", "config.yaml"]
    gzip_both("plain-tar", whole, listed)
    case("plain-zst", zst([whole]), listed)
    case("plain-zip", zip_of(b"MLmodel", b"config.yaml"), listed)
    case("tar-no-end", whole[:-1024], "no end mark")
    case("tar-trailing-garbage", whole + b"garbage" * 100, listed)
    case("tar-after-end", whole + entry(b"../x", b"x") + END, listed)
    case("gz-no-end", gz(whole[:-1024]), "no end mark")
    case("gz-members", gz(whole[:1024]) + gz(whole[1024:]), listed)
    case("gz-trailing-garbage", gz(whole) + b"garbage" * 100, listed)
    case("gz-wrong-crc", gz(whole)[:-8] + b"\0" * 8, None)
    case("gz-no-trailer", gz(whole)[:-8], None)
    case("gz-of-gz", gz(gz(whole)), "compressed more than once")
    case("gz-x20", lambda: nest(whole, 20), "compressed more than once|compressed|recognized")
    case("zst-of-gz", zst([gz(whole)]), "compressed more than once")
    case("gz-of-zip", gz(zip_of(b"a")), None)
    case("gz-header-extra", b"\x1f\x8b\x08\x04\0\0\0\0\0\x03\xff\xff" + b"e" * 65535 + gz(whole)[10:], None)
    case("gz-header-name-endless", b"\x1f\x8b\x08\x08\0\0\0\0\0\x03" + b"n" * 300000, None)
    case("gz-reserved-flags", b"\x1f\x8b\x08\xe0" + gz(whole)[4:], None)
    case("gz-corrupt", gz(os.urandom(1) * 3000 + whole)[:60] + b"\xff" * 50, None)
    case("zst-window-huge", b"\x28\xb5\x2f\xfd\x00\xff" + b"\x01\0\0", None)
    case("zst-skippable", b"\x50\x2a\x4d\x18\x04\0\0\0skip" + zst([whole]), None)
    case("zst-two-frames", zst([whole[:1024]]) + zst([whole[1024:]]), listed)
    case("zst-corrupt-block", zst([whole])[:6] + b"\x07\0\0" + b"\xff" * 40, None)
    for magic, label in [(b"\xfd7zXZ\0", "xz"), (b"BZh9", "bzip2"), (b"\x04\x22\x4d\x18", "lz4"), (b"7z\xbc\xaf\x27\x1c", "7z"),
                         (b"Rar!\x1a\x07\x00", "rar"), (b"Rar!\x1a\x07\x01\0", "rar5"), (b"070707" + b"0" * 70, "cpio"),
                         (b"!<arch>\n", "ar"), (b"MSCF\0\0\0\0", "cab"), (b"#mtree\n./x type=link link=/etc/passwd\n", "mtree"),
                         (b"begin 644 x\n", "uuencode"), (b"WARC/1.0\r\n", "warc"), (b"xar!", "xar"), (b"\x1f\x9d\x90", "compress"),
                         (b"<!doctype html>", "html"), (b"\x7fELF\2\1\1", "elf"), (b"\0", "zero")]:
        case(f"format-{label}", magic + bytes(2048), "[Uu]nrecognized|recogni|no files|truncated")
    case("empty-file", b"", "file is empty")
    case("one-byte", b"x", "[Uu]nrecognized")
    case("tar-empty", END, "no files|[Uu]nrecognized")
    case("zip-empty", Zip().end(), "Unrecognized|no files")
    case("tar-bad-checksum", tar(SAFE, header(b"a", sum_delta=1)), None)
    case("tar-zip-polyglot", tar(entry(b"from-tar", zip_of(b"from-zip"))), ["from-tar"])
    case("zip-tar-polyglot", tar(entry(b"from-tar", b"x")) + zip_of(b"from-zip"), None)
    case("nested-zip", Zip().add(b"inner.zip", zip_of(b"../x")).end(), ["inner.zip"])
    case("nested-tgz", tar(entry(b"inner.tar.gz", gz(tar(entry(b"../x", b"x"))))), ["inner.tar.gz"])
    step = 512
    for label, data in [("tar", tar(SAFE, entry(b"a/b", b"0123456789" * 300), entry(b"c"))),
                        ("gz", gz(tar(entry(b"r", os.urandom(3000)), SAFE))),
                        ("zst", zst([tar(entry(b"r", os.urandom(3000)), SAFE)])),
                        ("zip", Zip().add(b"r", os.urandom(3000)).add(b"MLmodel", b"x").end())]:
        for cut in range(step, len(data) - (1024 if label == "tar" else 8), step):
            case(f"truncated-{label}-{cut}", data[:cut], "")


def nest(data, times):
    for _ in range(times):
        data = gz(data)
    return data


def add_zip():
    case("zip-central-other-name", Zip().add(b"a", b"x", central_name=b"../x").end(), None)
    case("zip-local-other-name", Zip().add(b"../x", b"x", central_name=b"a").end(), None)
    case("zip-wrong-crc", Zip().add(b"a", b"hello", crc=1).end(), "CRC|bad|checksum")
    case("zip-size-mismatch", Zip().add(b"a", b"hello", method=0, central_usize=3, central_csize=3).end(), None)
    case("zip-stored-sizes-differ", Zip().add(b"a", b"hello", method=0, usize=50).end(), None)
    case("zip-descriptor", Zip().add(b"a", b"hello", descriptor=True).end(), ["a"])
    case("zip-descriptor-stored", Zip().add(b"a", b"hello", method=0, descriptor=True).end(), None)
    case("zip-no-central", bytes(Zip().add(b"a", b"x").body), "[Uu]nrecognized")
    case("zip-central-truncated", zip_of(b"a", b"b")[:-60] + zip_of(b"a", b"b")[-22:], None)
    case("zip-count-too-high", Zip().add(b"a", b"x").end(count=50), None)
    case("zip-count-too-low", Zip().add(b"a", b"x").add(b"../b", b"x").end(count=1), None)
    case("zip-central-offset-huge", Zip().add(b"a", b"x").end(central_offset=0xFFFFFF00), None)
    case("zip-central-offset-inside", Zip().add(b"a", b"x").end(central_offset=3), None)
    case("zip-entry-offset-huge", Zip().add(b"a", b"x", offset=0xFFFFFF00).end(), None)
    case("zip-entry-offset-central", Zip().add(b"a", b"x", offset=33).end(), None)
    case("zip-entries-overlap", Zip().add(b"a", b"hello").add(b"b", b"hello", local=False, offset=0).end(), None)
    case("zip-prefix", Zip().add(b"a", b"x").end(prefix=b"#!/bin/sh\nexit\n" + bytes(100)), None)
    case("zip-comment", Zip().add(b"a", b"x").end(comment=b"c" * 60000), None)
    case("zip-comment-with-end", Zip().add(b"a", b"x").end(comment=Zip().add(b"../x", b"x").end()), None)
    case("zip-trailing-garbage", zip_of(b"a") + b"garbage" * 50, None)
    for method in (1, 6, 9, 12, 14, 93, 95, 97, 98, 200):
        case(f"zip-method-{method}", Zip().add(b"a", b"x" * 50, method=method, payload=b"\xff" * 50).end(), None)
    case("zip-deflate-corrupt", Zip().add(b"a", b"x" * 50, payload=b"\xff" * 20).end(), "")
    case("zip-deflate-short", Zip().add(b"a", b"x" * 5000, payload=b"").end(), "")
    case("zip-extra-lies", Zip().add(b"a", b"x", extra=b"\x01\0\xff\xff").end(), None)
    case("zip-extra-central-lies", Zip().add(b"a", b"x", central_extra=b"\x75\x70\xff\x7f" + b"x" * 9).end(), None)
    case("zip-streamed-mark", b"PK00" + zip_of(b"a"), None)
    case("zip-multi-disk", zip_of(b"a")[:-18] + b"\x05\0\x05\0" + zip_of(b"a")[-14:], None)


def snapshot(folder):
    found = {}
    for base, dirs, files in os.walk(folder):
        for name in dirs + files:
            path = os.path.join(base, name)
            info = os.lstat(path)
            found[path] = (info.st_mode, info.st_size, info.st_nlink)
    return found


def check_tree(folder, expected_files, is_accepted):
    """What is in the folder is plain, and is there only where the archive was accepted."""
    names = []
    for path, (mode, size, links) in snapshot(folder).items():
        if stat.S_ISREG(mode):
            assert links == 1 and stat.S_IMODE(mode) == 0o644, f"{path}: mode {mode:o}, {links} links"
            names.append(os.path.relpath(path, folder))
        else:
            assert stat.S_ISDIR(mode) and stat.S_IMODE(mode) == 0o755, f"{path}: mode {mode:o}"
    if not is_accepted:
        assert not os.listdir(folder), f"left behind: {os.listdir(folder)[:5]}"
    elif expected_files is not None:
        assert sorted(names) == sorted(expected_files), f"files {sorted(names)[:5]}"


def processor_seconds():
    """Of the children: unlike the time on the wall it does not depend on who else is at work."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def attack(probe, work, data, expected, seconds):
    """Runs one case; returns whether it was accepted, and what was said."""
    arena = os.path.join(work, "arena")
    staging = os.path.join(arena, "deep", "staging")
    os.makedirs(staging)
    for place in (arena, os.path.join(arena, "deep")):
        with open(os.path.join(place, "canary"), "w") as file:
            file.write("unharmed")
    archive = os.path.join(work, "attack.bin")
    with open(archive, "wb") as file:
        file.write(data() if callable(data) else data)
    before = {k: v for k, v in snapshot(arena).items() if not k.startswith(staging)}
    start = processor_seconds()
    done = subprocess.run([probe, "extract", archive, staging], capture_output=True, timeout=60)
    took = processor_seconds() - start
    said = done.stdout.decode("ascii").rstrip("\n")  # anything else than ASCII is a failure by itself
    is_accepted = done.returncode == 0
    assert done.returncode in (0, 65), f"exit status {done.returncode}: {said} {done.stderr[-2000:]}"
    assert said.isprintable(), f"unprintable message {said!r}"
    assert took < seconds, f"took {took:.2f} s"
    after = {k: v for k, v in snapshot(arena).items() if not k.startswith(staging)}
    assert before == after, "something changed outside"
    check_tree(staging, expected if isinstance(expected, list) else None, is_accepted)
    if isinstance(expected, list):
        assert is_accepted, f"refused: {said}"
    elif expected is not None:
        assert not is_accepted, f"accepted: {said}"
        assert re.search(expected, said), f"said: {said}"
    if not is_accepted:
        assert len(said) > len("invalid_bundle: attack.bin: "), "no reason given"
        assert "crashed" not in said and "astray" not in said, said
    return is_accepted, said


def run(probe, verbose, seconds):
    failed, accepted = 0, 0
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    for name, data, expected in CASES:
        with tempfile.TemporaryDirectory(prefix="attack-", dir=memory) as work:
            try:
                is_accepted, said = attack(probe, work, data, expected, seconds)
                accepted += is_accepted
                if verbose:
                    print(f"{'took   ' if is_accepted else 'refused'} {name}: {said.split('attack.bin: ')[-1][:110]}")
            except (AssertionError, UnicodeDecodeError, subprocess.TimeoutExpired) as why:
                failed += 1
                print(f"FAILED {name}: {why}")
    print(f"{len(CASES)} archives: {accepted} legal and accepted, {len(CASES) - accepted - failed} refused, "
          f"{failed} failed")
    return failed


def write_corpus(folder):
    os.makedirs(folder, exist_ok=True)
    for name, data, _ in CASES:
        if not callable(data) and 0 < len(data) <= 8192 and "truncated" not in name:
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("probe", nargs="?")
    parser.add_argument("--corpus")
    parser.add_argument("--seconds", type=float, default=1.0, help="limit a case")
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args()
    for add in (add_names, add_twice, add_types, add_sizes, add_pax, add_containers, add_zip):
        add()
    assert len({name for name, _, _ in CASES}) == len(CASES), "two cases of one name"
    if options.corpus:
        write_corpus(options.corpus)
        return 0
    if not options.probe or not shutil.which(options.probe):
        parser.error("where is packaging_probe?")
    return 1 if run(options.probe, options.verbose, options.seconds) else 0


if __name__ == "__main__":
    sys.exit(main())

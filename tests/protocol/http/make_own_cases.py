#!/usr/bin/env python3
"""Writes cases_own.jsonl: cases of the same form as cases.jsonl, for rules that those do not touch.

A row is: id, what is wanted, the bytes (a list: with pauses of 20 ms between), why. H stands for the Host line."""
import base64
import json
import pathlib

G, P, H = "/__get__", "/__post__", "Host: t\r\n"
OK, BAD = {"status": ["ok"], "max": 1}, {"status": [400], "close": True, "max": 1}
NEXT = "GET %s HTTP/1.1\r\n%sConnection: close\r\n\r\n" % (G, H)
TWO, SMUGGLED = {"seq": [["ok"], ["ok"]]}, "GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"
JSON = "Content-Type: application/json\r\n"
CHUNKED = "POST %s HTTP/1.1\r\n%s%sTransfer-Encoding: chunked\r\n\r\n" % (P, H, JSON)


def either(*statuses):
    return {"status": list(statuses), "close": True, "max": 1}


def get(target=G, version="HTTP/1.1", lines=H, end="\r\n", method="GET"):
    return "%s %s %s\r\n%s%s" % (method, target, version, lines, end)


def post(lines="", body='{"inputs":[]}', after=""):
    return "POST %s HTTP/1.1\r\n%s%s%s\r\n%s%s" % (P, H, JSON, lines, body, after)


def cut(text, size):
    return [text[at:at + size] for at in range(0, len(text), size)]


CASES = [
    ("A200-two-empty-lines", OK, "\r\n\r\n" + get(), "empty lines before a request are skipped (9112 2.2)"),
    ("A201-empty-line-between", TWO, get() + "\r\n" + NEXT, "an empty line between two requests"),
    ("A202-close-in-list", {**OK, "close": True}, get(lines=H + "Connection: foo, close\r\n") + SMUGGLED, "close in a list"),
    ("A203-close-case", {**OK, "close": True}, get(lines=H + "connection: CLOSE\r\n") + SMUGGLED, "options have no case"),
    ("A204-close-blanks", {**OK, "close": True}, get(lines=H + "Connection: ,\t close ,\r\n") + SMUGGLED, "blanks and empty elements"),
    ("A205-not-close", TWO, get(lines=H + "Connection: closed, xclose\r\n") + NEXT, "only the whole word"),
    ("A206-coding-case", TWO, CHUNKED.replace("chunked", "CHUNKED") + "1\r\n0\r\n0\r\n\r\n" + NEXT, "codings have no case"),
    ("A207-coding-tabs", TWO, CHUNKED.replace(" chunked", "\t chunked \t") + "1\r\n0\r\n0\r\n\r\n" + NEXT, "blanks around the value"),
    ("A208-http10-no-host", {**OK, "close": True}, get(version="HTTP/1.0", lines=""), "HTTP/1.0 needs no Host"),
    ("A209-http10-body", {**OK, "close": True}, post("Content-Length: 13\r\n").replace("1.1", "1.0"), "a body in HTTP/1.0"),
    ("A210-minor-2", OK, get(version="HTTP/1.2"), "a higher minor version is answered as 1.1 (9110 2.5)"),
    ("A211-scheme-case", OK, get(target="HTTP://t" + G), "schemes have no case"),
    ("A212-absolute-port-query", OK, get(target="http://t:80%s?a=b" % G), "absolute form with port and query"),
    ("A213-pct-in-query", OK, get(target=G + "?%67=%2F%3f"), "escapes in the query"),
    ("A214-expect-early-body", {"status": ["ok"], "max": 1}, post("Expect: 100-continue\r\nContent-Length: 13\r\n"), "the body comes without waiting"),
    ("A215-expect-no-body", {**OK, "interim": False}, get(lines=H + "Expect: 100-continue\r\n"), "no body, so no 100"),
    ("A216-expect-cl0", {"status": ["ok", 400], "max": 1, "interim": False}, post("Expect: 100-continue\r\nContent-Length: 0\r\n", ""), "an empty body, so no 100"),
    ("A217-ext-blanks", TWO, CHUNKED + "1 ; a = \"b\" ;c\r\n0\r\n0\r\n\r\n" + NEXT, "BWS in chunk extensions MUST be parsed (7.1.1)"),
    ("A218-many-trailers", TWO, CHUNKED + "1\r\n0\r\n0\r\n" + "X: y\r\n" * 50 + "\r\n" + NEXT, "50 trailer lines"),
    ("A219-upgrade-body", {"status": ["ok"], "max": 1, "close": True}, post("Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 13\r\n", after=SMUGGLED), "a proxy may have handed this connection over: nothing is run behind"),
    ("A220-head-then-get", {"seq": [["ok"], ["ok"]]}, get(method="HEAD") + NEXT, "no body after HEAD"),
    ("A221-split-everywhere", TWO, cut(post("Content-Length: 13\r\n") + NEXT, 7), "seven bytes at a time"),
    ("B200-cl-same-list", BAD, post("Content-Length: 13, 13\r\n"), "a list, even of equal values"),
    ("B201-cl-case", BAD, post("content-length: 13\r\nCONTENT-LENGTH: 13\r\n"), "two lines in different case"),
    ("B202-cl-20-digits", either(400, 413), post("Content-Length: 00000000000000000013\r\n"), "20 digits"),
    ("B203-cl-19-nines", either(413, 400), post("Content-Length: 9999999999999999999\r\n"), "2^64 > n > 2^63"),
    ("B204-cl-hex", BAD, post("Content-Length: 0xd\r\n"), "hexadecimal"),
    ("B205-cl-utf8-digits", BAD, post("Content-Length: \u0661\u0663\r\n"), "digits of another script"),
    ("B206-cl-nbsp", BAD, post("Content-Length: 13\u00a0\r\n"), "no-break space"),
    ("B207-cl-trailing-blank", OK, post("Content-Length:   13 \t \r\n"), "blanks around are OWS"),
    ("B208-te-two-names", either(400, 501), post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), "chunked twice"),
    ("B209-te-param", either(400, 501), post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"), "a parameter"),
    ("B210-te-identity", either(400, 501), post("Transfer-Encoding: identity\r\n", "", SMUGGLED), "identity is no coding any more"),
    ("B211-te-nul", either(400, 501), post("Transfer-Encoding: chunked\0\r\n", "0\r\n\r\n"), "NUL behind"),
    ("B212-te-cr", either(400, 501), post("Transfer-Encoding: chunked\rX\r\n", "0\r\n\r\n"), "bare CR behind"),
    ("B213-te-cl-case", BAD, post("tRANSFER-eNCODING: chunked\r\ncONTENT-lENGTH: 5\r\n", "0\r\n\r\n"), "both, in odd case"),
    ("B214-te-ff", either(400, 501), post("Transfer-Encoding: \x0cchunked\r\n", "0\r\n\r\n"), "form feed"),
    ("B215-http10-te-cl", either(400, 501), post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n").replace("1.1", "1.0"), "both in HTTP/1.0"),
    ("B216-delete-cl-te", BAD, post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n").replace("POST", "DELETE"), "both on DELETE"),
    ("B217-options-te-x", either(400, 501), "OPTIONS * HTTP/1.1\r\n%sTransfer-Encoding: x\r\n\r\n" % H + SMUGGLED, "bad coding on OPTIONS *"),
    ("C200-many-tiny-chunks", either(400, 413), CHUNKED + "1\r\nx\r\n" * 9000 + "0\r\n\r\n", "framing of five times the data"),
    ("C201-ext-300", either(400, 413, 431), CHUNKED + "1;%s\r\n0\r\n0\r\n\r\n" % ("a" * 300), "a size line over 256 bytes"),
    ("C202-zeros-300", either(400, 413), CHUNKED + "0" * 300 + "1\r\n0\r\n0\r\n\r\n", "300 digits"),
    ("C203-17-digits", either(400, 413), CHUNKED + "00000000000000001\r\n0\r\n0\r\n\r\n", "17 digits"),
    ("C204-ext-empty", BAD, CHUNKED + "1;\r\n0\r\n0\r\n\r\n", "an extension without a name"),
    ("C205-ext-quote-open", BAD, CHUNKED + "1;a=\"b\r\n0\r\n0\r\n\r\n", "a quoted value without its end"),
    ("C206-ext-quote-ctl", BAD, CHUNKED + "1;a=\"\x01\"\r\n0\r\n0\r\n\r\n", "a control byte in a quoted value"),
    ("C207-ext-nul", BAD, CHUNKED + "1;a\0\r\n0\r\n0\r\n\r\n", "NUL in an extension"),
    ("C208-trailer-fold", BAD, CHUNKED + "1\r\n0\r\n0\r\nX: y\r\n z\r\n\r\n", "obs-fold in a trailer"),
    ("C209-trailer-nul", BAD, CHUNKED + "1\r\n0\r\n0\r\nX: \0\r\n\r\n", "NUL in a trailer"),
    ("C210-trailer-no-name", BAD, CHUNKED + "1\r\n0\r\n0\r\n: y\r\n\r\n", "a trailer without a name"),
    ("C211-trailer-cr", BAD, CHUNKED + "1\r\n0\r\n0\r\nX: y\rZ\r\n\r\n", "bare CR in a trailer"),
    ("C212-trailer-host", TWO, CHUNKED + "1\r\n0\r\n0\r\nHost: u\r\nContent-Length: 9\r\n\r\n" + NEXT, "trailers change nothing"),
    ("C213-end-lf", BAD, CHUNKED + "1\r\n0\r\n0\r\n\n", "LF ends the body"),
    ("C214-end-cr-x", BAD, CHUNKED + "1\r\n0\r\n0\r\n\rX", "CR X ends the body"),
    ("C215-second-size", BAD, CHUNKED + "1\r\n0\r\nx\r\n", "a bad size behind a good chunk"),
    ("C216-sizes-sum", {**either(413, 400), "within_close": 8}, CHUNKED + "fffff\r\n" + "a" * 0xfffff + "\r\n2\r\nbb\r\n0\r\n\r\n", "1 byte over the limit in all"),
    ("D200-lead-space", BAD, " " + get(), "a blank before the method"),
    ("D201-no-method", BAD, get(method=""), "no method"),
    ("D202-no-target", BAD, "GET HTTP/1.1\r\n%s\r\n" % H, "no target"),
    ("D203-version-comma", BAD, get(version="HTTP/1,1"), "a comma in the version"),
    ("D204-version-zero", BAD, get(version="HTTP/01.1"), "a leading zero"),
    ("D205-version-sign", BAD, get(version="HTTP/+1.1"), "a sign"),
    ("D206-version-11", either(400, 505), get(version="HTTP/11"), "no dot"),
    ("D207-h2-preface", either(400, 505, 501), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2 with prior knowledge"),
    ("D208-connect", either(400, 405, 501), "CONNECT t:80 HTTP/1.1\r\n%s\r\n" % H + SMUGGLED, "not a proxy"),
    ("D209-tls-hello", {"status": [400], "close": True, "max": 1, "silent": True, "within": 4}, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS to the plain port"),
    ("D210-pct00", either(400, 404), get(target="/ping%00.html"), "NUL in the path"),
    ("D211-pct-short", either(400, 404), get(target="/ping%4"), "half an escape"),
    ("D212-dot-segment", {"status": [400, 403, 404], "max": 1}, get(target="/a/../ping"), "a plain parent segment"),
    ("D213-pct-backslash", {"status": [400, 403, 404], "max": 1}, get(target="/..%5c..%5cetc"), "an escaped backslash"),
    ("D214-double-escape", {"status": [400, 403, 404], "max": 1}, get(target="/%252e%252e/etc/passwd"), "escapes are decoded once"),
    ("D215-crlf-in-path", either(400), get(target="/%0d%0aX:y"), "CR and LF in the path"),
    ("D216-https-form", OK, get(target="https://t" + G), "absolute form of https"),
    ("D217-abs-bad-port", either(400), get(target="http://t:x" + G), "a port that is none"),
    ("D218-abs-no-host", either(400), get(target="http://" + G), "absolute form without a host"),
    ("D219-file", {"status": [400, 404, 501], "max": 1}, get(target="file:///etc/passwd"), "a foreign scheme"),
    ("D220-options-abs", {"status": ["ok"], "max": 1}, get(target="http://t" + G, method="OPTIONS"), "OPTIONS in absolute form"),
    ("D221-target-9000", either(414, 400, 431), get(target=G + "?" + "a" * 9000), "a target over 8 KiB"),
    ("D222-lf-before", BAD, "\n" + get(), "LF before the request"),
    ("D223-cr-before", BAD, "\r" + get(), "CR before the request"),
    ("D224-method-utf8", BAD, get(method="G\u00c9T"), "a letter outside ASCII in the method"),
    ("E200-no-host", BAD, get(lines=""), "no Host in 1.1"),
    ("E201-two-hosts-10", BAD, get(version="HTTP/1.0", lines=H + H), "two Hosts in 1.0"),
    ("E202-host-slash", BAD, get(lines="Host: a/b\r\n"), "a path in Host"),
    ("E203-host-port-text", BAD, get(lines="Host: a:b\r\n"), "a port that is no number"),
    ("E204-host-port-big", either(400), get(lines="Host: a:99999\r\n"), "a port over 65535"),
    ("E205-host-v6-bad", BAD, get(lines="Host: [:::1]\r\n"), "a malformed IPv6 address"),
    ("E206-host-tab", BAD, get(lines="Host: a\tb\r\n"), "a tab inside"),
    ("E207-host-quote", BAD, get(lines="Host: \"a\"\r\n"), "quoted"),
    ("E208-host-only-port", BAD, get(lines="Host: :80\r\n"), "a port without a host"),
    ("E209-host-fold", BAD, get(lines="Host:\r\n t\r\n"), "obs-fold in Host"),
    ("E210-101-fields", either(431, 400), get(lines=H + "".join("X-%d: y\r\n" % i for i in range(101))), "over 100 fields"),
    ("E211-33k", either(431, 400), get(lines=H + "X: %s\r\n" % ("y" * 33000)), "over 32 KiB of header"),
    ("E212-20k-ok", OK, get(lines=H + "X: %s\r\n" % ("y" * 20000)), "under the limit, over one read"),
    ("E213-no-name", BAD, get(lines=H + ": v\r\n"), "a field without a name"),
    ("E214-del", BAD, get(lines=H + "X: a\x7fb\r\n"), "DEL in a value"),
    ("E215-esc", BAD, get(lines=H + "X: \x1b[2J\r\n"), "a terminal's escape in a value"),
    ("E216-no-colon", BAD, get(lines=H + "X\r\n"), "a line without a colon"),
    ("E217-name-at", BAD, get(lines=H + "X@Y: z\r\n"), "@ in a name"),
    ("E218-lf-end", BAD, get(lines=H + "X: y\n"), "LF ends a line"),
    ("F200-cut-size-line", {"status": [400, 408], "close": True, "max": 1, "silent": True}, [CHUNKED + "d", {"half_close": 1}], "cut inside a size"),
    ("F201-cut-trailer", {"status": [400, 408], "close": True, "max": 1, "silent": True}, [CHUNKED + "1\r\n0\r\n0\r\nX: ", {"half_close": 1}], "cut inside the trailers"),
    ("F202-half-close-after-post", OK, [post("Content-Length: 13\r\n"), {"half_close": 1}], "a whole request, then the end"),
    ("F203-413-pipelined", {"seq": [["ok"], [413]]}, get() + post("Content-Length: 99999999\r\n", ""), "a refusal behind an answer"),
    ("G200-silence", {"status": [408], "close": True, "silent": True, "max": 1, "within": 8}, [{"sleep": 0.1}], "connects and says nothing"),
    ("G201-second-half-head", {"seq": [["ok"], [408, 400]], "close": True}, [get() + "GET /__g", {"sleep": 5}], "half a second request"),
    ("G202-rst-in-answer", {"alive": True}, [get() * 2000, {"sleep": 0.05}, {"rst": 1}], "reset while answers are sent"),
    ("G203-rst-expect", {"alive": True}, [post("Expect: 100-continue\r\nContent-Length: 13\r\n", ""), {"sleep": 0.05}, {"rst": 1}], "reset after 100"),
    ("G204-idle-300", {"alive": True}, [{"open_idle": 300}], "300 connections that say nothing"),
]
SLOW, HEAD = {"G200-silence", "G201-second-half-head"}, {"A220-head-then-get"}


def encode(text):
    # Bytes below 256 stand for themselves, the rest for their UTF-8.
    return b"".join(bytes([ord(c)]) if ord(c) < 128 else c.encode() for c in text)


def raw(text):
    return {"raw": base64.b64encode(encode(text)).decode()}


def main():
    here = pathlib.Path(__file__).resolve().parent
    with open(here / "cases_own.jsonl", "w") as out:
        for name, wanted, what, note in CASES:
            case = {"id": name, "group": name[0], "want": wanted, "note": note}
            if isinstance(what, list):
                case["steps"] = []
                for step in what:
                    case["steps"].append(step if isinstance(step, dict) else raw(step))
                    if not isinstance(step, dict):
                        case["steps"].append({"sleep": 0.02})
            else:
                case.update(raw(what))
            if name in HEAD:
                case["head"] = True
            if name in SLOW:
                case["slow"] = True
            out.write(json.dumps(case) + "\n")


if __name__ == "__main__":
    main()

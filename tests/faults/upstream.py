#!/usr/bin/env python3
"""A scripted upstream: an HTTP/1.1 server that answers well or badly, as it is told. Standard library only.

As a program:

    upstream.py [--port 0] [--port-file FILE] [--cert FILE --key FILE]     # prints "listening on PORT"

As a module:

    with Upstream() as up:                      # 127.0.0.1, a free port, a thread of its own
        up.script([{"status": 503, "headers": {"Retry-After": "1"}}, {"text": "hello"}])
        ... POST up.url + "/v1/chat/completions" ...
        up.requests, up.count

A behaviour is chosen, for each request, from the first of these that fits:
  1. the script: a list of behaviours, each used up by one request (or "times" requests, -1: all that come). One with
     "path" only serves requests whose path starts with it.
  2. the path: /fault/NAME/... takes FAULTS[NAME]; so "http://.../fault/stall_in_body/v1" is a base URL.
  3. default: POST .../chat/completions answers a chat completion that echoes the last user message; GET .../models
     lists one model; anything else answers 200 with {"method", "path", "body"}.

A behaviour is an object; all keys are optional and combine:
  what is answered
    status (200), reason, headers ({name: value} or [[name, value], ...])
    body (text), body_base64, json (any value), size (that many "x", streamed)
    text (a chat completion with this content), content (the same, any JSON: null, a list of parts),
    tool_calls, finish_reason, usage (for the completion; null leaves it out)
    echo: true (the default answer of the path; for delays and faults around it)
    stream: [..]   a chat completion as server-sent events, a text delta each; true: the last user message's words
    stream_end     instead of [DONE] behind the last event: "fin", "reset", "stall" (silence), "error" (an event of one)
    stream_cut: N  the same after N events (the role's is the first; deltas; finish_reason; usage; [DONE])
    stream_every_ms  between events;  stream_pad: N  bytes more in each event of a delta, which nobody needs
  how
    delay_ms       before anything is sent
    interim: N     N answers "100 Continue" first
    chunked: true  in chunks of chunk_size (4096) bytes;  bad_chunk: true breaks the second chunk's size line
    chunks: N      N chunks of one byte
    until_close: true   no length: the body ends with the connection
    length         instead of the right Content-Length; a list gives several such lines
    header_size    a header that long;  header_count: so many headers
    drip: {"bytes": 1, "every_ms": 100}      the body in pieces;  drip_head the same for the header section
    raw (text, latin-1)   exactly these bytes instead of an answer
  faults
    stall, reset, fin:  "before" the answer, "in_header", "after_header", "in_body" (its half): from there on silence,
                        a reset (SO_LINGER 0), or an orderly end
    close: true          announces and does "Connection: close"
    close_after: "fin" | "reset"    ends the kept connection right after the answer
    then: {...}          behaviour of the next request on the same connection, whatever the script says
    extra (text, latin-1), extra_ms   bytes that nobody asked for, on the idle connection

Control, over HTTP:  POST /__script [..] appends;  POST /__reset forgets everything;  GET /__requests;  GET /__count
(requests other than control). Each recorded request: connection, method, path, headers [[name, value]], body, json.
"""
import argparse
import asyncio
import base64
import email.utils
import json
import socket
import ssl
import struct
import threading
import time
import urllib.request

FAULTS = {
    "ok": {"echo": True},
    "reset_before": {"reset": "before"},
    "reset_in_header": {"reset": "in_header"},
    "reset_after_header": {"reset": "after_header"},
    "reset_in_body": {"reset": "in_body"},
    "fin_before": {"fin": "before"},
    "fin_in_header": {"fin": "in_header"},
    "truncated": {"fin": "in_body"},
    "stall_before_header": {"stall": "before"},
    "stall_in_header": {"stall": "in_header"},
    "stall_after_header": {"stall": "after_header"},
    "stall_in_body": {"stall": "in_body"},
    "drip": {"size": 1_000_000, "drip": {"bytes": 1, "every_ms": 20}},
    "drip_head": {"echo": True, "drip_head": {"bytes": 1, "every_ms": 20}},
    "long_length": {"body": "{}", "length": 100, "close_after": "fin"},
    "short_length": {"body": '{"a": "much longer"}', "length": 4},
    "two_lengths": {"body": '{"a": 1}', "length": [8, 2]},
    "text_length": {"body": "{}", "length": "two"},
    "negative_length": {"body": "{}", "length": "-2"},
    "bad_chunk": {"body": "x" * 64, "chunked": True, "chunk_size": 16, "bad_chunk": True},
    "truncated_chunks": {"body": "x" * 64, "chunked": True, "chunk_size": 16, "fin": "in_body"},
    "tiny_chunks": {"chunks": 1_000_000},
    "html": {"body": "<html><body><h1>It works!</h1></body></html>", "headers": {"Content-Type": "text/html"}},
    "empty": {"body": ""},
    "not_http": {"raw": "SSH-2.0-OpenSSH_9.2p1 Debian\r\n", "close_after": "fin"},
    "invalid_utf8": {"body_base64": base64.b64encode(b'{"choices":[{"message":{"content":"\xff\xfe"}}]}').decode()},
    "truncated_json": {"body": '{"choices": [{"message": {"content": "cut'},
    "429": {"status": 429, "json": {"error": {"message": "slow down"}}, "headers": {"Retry-After": "1"}},
    "429_huge": {"status": 429, "headers": {"Retry-After": "99999999999999999999"}},
    "429_negative": {"status": 429, "headers": {"Retry-After": "-5"}},
    "429_text": {"status": 429, "headers": {"Retry-After": "soon"}},
    "429_date": {"status": 429, "headers": {"Retry-After": "Fri, 31 Dec 2038 23:59:59 GMT"}},
    "503": {"status": 503, "headers": {"Retry-After": "0"}},
    "500": {"status": 500, "json": {"error": {"message": "boom"}}},
    "401": {"status": 401, "json": {"error": {"message": "bad key"}}},
    "redirect": {"status": 302, "headers": {"Location": "/elsewhere"}},
    "huge_body": {"size": 10 * 1024**3},
    "huge_body_chunked": {"size": 10 * 1024**3, "chunked": True, "chunk_size": 65536},
    "huge_header": {"header_size": 10 * 1024**2},
    "many_headers": {"header_count": 100_000},
    "many_interims": {"interim": 100_000},
    "close_each": {"echo": True, "close_after": "fin"},
    "close_on_reuse": {"echo": True, "then": {"fin": "before"}},
    "reset_on_reuse": {"echo": True, "then": {"reset": "before"}},
    "unasked": {"echo": True, "extra": "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", "extra_ms": 30},
}

DEFAULT_USAGE = {"prompt_tokens": 49, "completion_tokens": 17, "total_tokens": 66}


class Gone(Exception):
    """The connection is over, by our own will."""



def completion(content, behaviour=(), model="mock"):
    behaviour = dict(behaviour)
    message = {"role": "assistant", "content": content}
    if behaviour.get("tool_calls"):
        message["tool_calls"] = behaviour["tool_calls"]
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1741569952, "model": model, "choices": [
        {"index": 0, "message": message, "finish_reason": behaviour.get("finish_reason", "stop")}]}
    usage = behaviour.get("usage", DEFAULT_USAGE)
    if usage is not None:
        answer["usage"] = usage
    return answer


def last_user_text(request):
    messages = (request["json"] or {}).get("messages") or [] if isinstance(request["json"], dict) else []
    for message in reversed(messages):
        if message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, list):
            content = "".join(part.get("text", "") for part in content)
        return content or ""
    return ""


def default_answer(request):
    path = request["path"].split("?")[0]
    if request["method"] == "POST" and path.endswith("/chat/completions"):
        model = request["json"].get("model", "mock") if isinstance(request["json"], dict) else "mock"
        return completion(last_user_text(request), model=model)
    if request["method"] == "GET" and path.endswith("/models"):
        return {"object": "list", "data": [{"id": "mock", "object": "model"}]}
    return {"method": request["method"], "path": request["path"], "body": request["body"]}


def body_of(behaviour, request):
    """The answer's body as bytes, or an int: that many bytes of "x", never in memory at once."""
    if "size" in behaviour:
        return int(behaviour["size"])
    if "chunks" in behaviour:
        return int(behaviour["chunks"])
    if "body_base64" in behaviour:
        return base64.b64decode(behaviour["body_base64"])
    if "body" in behaviour:
        return behaviour["body"].encode()
    if "json" in behaviour:
        return json.dumps(behaviour["json"]).encode()
    if "text" in behaviour or "content" in behaviour or "tool_calls" in behaviour:
        return json.dumps(completion(behaviour.get("content", behaviour.get("text")), behaviour)).encode()
    if behaviour.get("status", 200) != 200:
        return b""
    return json.dumps(default_answer(request)).encode()


def stream_events(behaviour, request):
    """The data of each event."""
    texts = behaviour["stream"]
    if texts is True:
        texts = [word + " " for word in last_user_text(request).split(" ")]

    def chunk(choices, **more):
        return json.dumps({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1741569952, "model": "mock",
                           "choices": choices, **more})

    def choice(delta, reason=None):
        return [{"index": 0, "delta": delta, "finish_reason": reason}]

    events = [chunk(choice({"role": "assistant", "content": ""}))]
    pad = {"obfuscation": "x" * behaviour["stream_pad"]} if "stream_pad" in behaviour else {}
    events += [chunk(choice({"content": text}), **pad) for text in texts]
    events.append(chunk(choice({}, behaviour.get("finish_reason", "stop"))))
    usage = behaviour.get("usage", DEFAULT_USAGE)
    if usage is not None and ((request["json"] or {}).get("stream_options") or {}).get("include_usage"):
        events.append(chunk([], usage=usage))
    return events + ["[DONE]"]


def pieces_of(body, size):
    if isinstance(body, int):
        block = b"x" * min(size, max(body, 1))
        for at in range(0, body, size):
            yield block[:min(size, body - at)]
    else:
        for at in range(0, len(body), size):
            yield body[at:at + size]


class Connection:
    """Reads requests from one connection and answers each as the server's script says."""

    def __init__(self, server, reader, writer, number):
        self.server, self.reader, self.writer, self.number = server, reader, writer, number
        self.then = None

    async def run(self):
        try:
            while True:
                request = await self.read_request()
                if request is None:
                    break
                if request["path"].startswith("/__"):
                    await self.control(request)
                    continue
                behaviour, self.then = self.server.choose(request, self.then), None
                await self.answer(request, behaviour)
                self.then = behaviour.get("then")
        except (Gone, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
            pass
        finally:
            self.writer.close()

    async def read_request(self):
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = [[name, value.strip()] for name, _, value in (line.partition(":") for line in lines)]
        lower = {name.lower(): value for name, value in headers}
        if lower.get("expect", "").lower() == "100-continue":
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in lower.get("transfer-encoding", "").lower():
            body = await self.read_chunks()
        else:
            body = await self.reader.readexactly(int(lower.get("content-length", "0")))
        request = {"connection": self.number, "method": method, "path": path, "headers": headers,
                   "body": body.decode("utf-8", "replace"), "json": None}
        try:
            request["json"] = json.loads(body)
        except ValueError:
            pass
        return request

    async def read_chunks(self):
        body = b""
        while True:
            size = int((await self.reader.readline()).split(b";")[0], 16)
            body += await self.reader.readexactly(size)
            await self.reader.readline()
            if size == 0:
                return body

    async def control(self, request):
        path, server = request["path"], self.server
        answer = {}
        if path == "/__script":
            server.add_script(request["json"])
        elif path == "/__reset":
            server.forget()
        elif path == "/__requests":
            answer = server.requests
        elif path == "/__count":
            answer = len(server.requests)
        body = json.dumps(answer).encode()
        self.writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
        self.writer.write(body)
        await self.writer.drain()

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def send_slowly(self, data, drip):
        for at in range(0, len(data), drip["bytes"]):
            await self.send(data[at:at + drip["bytes"]])
            await asyncio.sleep(drip["every_ms"] / 1000)

    def end(self, how):
        """Ends the connection now: "fin" in order, "reset" with a reset."""
        if how == "reset":
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        raise Gone

    async def point(self, behaviour, name):
        """The place in the answer where a fault may be wanted."""
        if behaviour.get("stall") == name:
            await self.reader.read()  # until the client gives up
            raise Gone
        for how in ("reset", "fin"):
            if behaviour.get(how) == name:
                if self.writer.transport.get_write_buffer_size() == 0:
                    await asyncio.sleep(0.02)  # a reset overtakes what the client has not read yet
                self.end(how)

    async def answer(self, request, behaviour):
        if behaviour.get("delay_ms"):
            await asyncio.sleep(behaviour["delay_ms"] / 1000)
        await self.point(behaviour, "before")
        if "raw" in behaviour:
            await self.send(behaviour["raw"].encode("latin-1"))
        elif "stream" in behaviour:
            await self.send_stream(request, behaviour)
        else:
            await self.send_answer(request, behaviour)
        if behaviour.get("close_after"):
            await self.writer.drain()
            self.end(behaviour["close_after"])
        if behaviour.get("close") or behaviour.get("until_close"):
            raise Gone
        if "extra" in behaviour:
            await asyncio.sleep(behaviour.get("extra_ms", 0) / 1000)
            await self.send(behaviour["extra"].encode("latin-1"))

    async def send_chunks(self, *chunks):
        await self.send(b"".join(b"%x\r\n%s\r\n" % (len(data), data) for data in chunks))
        self.server.streamed += sum(map(len, chunks))

    async def send_stream(self, request, behaviour):
        events, end = stream_events(behaviour, request), behaviour.get("stream_end")
        if "stream_cut" in behaviour:
            events = events[:behaviour["stream_cut"]]
        elif end:
            events.pop()
        await self.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        at_once = 1 if "stream_every_ms" in behaviour else 64
        for at in range(0, len(events), at_once):
            await self.send_chunks(*(b"data: %s\n\n" % event.encode() for event in events[at:at + at_once]))
            if "stream_every_ms" in behaviour:
                await asyncio.sleep(behaviour["stream_every_ms"] / 1000)
        if end == "error":
            await self.send_chunks(b'data: {"error": {"message": "overloaded", "code": 529}}\n\n')
        if end == "stall":
            await self.reader.read()  # until the client gives up
            self.server.left += 1
            raise Gone
        if end in ("fin", "reset"):
            await self.writer.drain()
            await asyncio.sleep(0.02)  # a reset overtakes what the client has not read yet
            self.end(end)
        await self.send(b"0\r\n\r\n")

    async def send_answer(self, request, behaviour):
        for _ in range(behaviour.get("interim", 0)):
            await self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = body_of(behaviour, request)
        head = self.head(behaviour, body)
        half = len(head) // 2
        if "drip_head" in behaviour:
            await self.send_slowly(head, behaviour["drip_head"])
        else:
            await self.send(head[:half])
            await self.point(behaviour, "in_header")
            await self.send(head[half:])
        await self.point(behaviour, "after_header")
        if request["method"] != "HEAD":
            await self.send_body(behaviour, body)

    def head(self, behaviour, body):
        status = behaviour.get("status", 200)
        given = behaviour.get("headers", {})
        headers = [list(pair) for pair in (given.items() if isinstance(given, dict) else given)]
        names = {name.lower() for name, _ in headers}
        if "content-type" not in names:
            headers.append(["Content-Type", "application/json"])
        headers.append(["Date", email.utils.formatdate(usegmt=True)])
        if behaviour.get("close"):
            headers.append(["Connection", "close"])
        if behaviour.get("chunked") or "chunks" in behaviour:
            headers.append(["Transfer-Encoding", "chunked"])
        elif not behaviour.get("until_close"):
            length = behaviour.get("length", body if isinstance(body, int) else len(body))
            for one in length if isinstance(length, list) else [length]:
                headers.append(["Content-Length", one])
        if "header_size" in behaviour:
            headers.append(["X-Huge", "h" * behaviour["header_size"]])
        headers += [["X-%d" % i, "v"] for i in range(behaviour.get("header_count", 0))]
        lines = ["HTTP/1.1 %d %s" % (status, behaviour.get("reason", "OK" if status == 200 else "Status"))]
        lines += ["%s: %s" % (name, value) for name, value in headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    async def send_body(self, behaviour, body):
        drip = behaviour.get("drip")
        is_chunked = behaviour.get("chunked") or "chunks" in behaviour
        size = drip["bytes"] if drip else behaviour.get("chunk_size", 4096) if is_chunked else 65536
        if "chunks" in behaviour:
            return await self.send_tiny_chunks(body)
        total = body if isinstance(body, int) else len(body)
        if not is_chunked and not drip:
            size = max(1, min(size, (total + 1) // 2))
        sent, is_past_half = 0, False
        for number, piece in enumerate(pieces_of(body, size)):
            if not is_past_half and sent * 2 >= total:
                is_past_half = True
                await self.point(behaviour, "in_body")
            if is_chunked:
                line = b"zz\r\n" if behaviour.get("bad_chunk") and number == 1 else b"%x\r\n" % len(piece)
                await self.send(line + piece + b"\r\n")
            else:
                await self.send(piece)
            sent += len(piece)
            if drip:
                await asyncio.sleep(drip["every_ms"] / 1000)
        if is_chunked:
            await self.send(b"0\r\n\r\n")

    async def send_tiny_chunks(self, count):
        block = b"1\r\nx\r\n"
        for at in range(0, count, 1000):
            await self.send(block * min(1000, count - at))
        await self.send(b"0\r\n\r\n")


class Upstream:
    """The server, in a thread of its own between __enter__ and __exit__ (or start() and stop())."""

    def __init__(self, port=0, cert=None, key=None):
        self.port, self.requests, self.connections = port, [], 0
        self.streamed, self.left = 0, 0  # bytes of streams; clients that left one that stalls
        self.queue, self.lock = [], threading.Lock()
        self.tls = None
        if cert:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(cert, key)
        self.loop = self.thread = None

    @property
    def url(self):
        return "%s://127.0.0.1:%d" % ("https" if self.tls else "http", self.port)

    @property
    def count(self):
        return len(self.requests)

    def script(self, behaviours):
        self.add_script(behaviours)

    def add_script(self, behaviours):
        if not isinstance(behaviours, list) or not all(isinstance(one, dict) for one in behaviours):
            raise ValueError("a script is a list of objects")
        with self.lock:
            self.queue += [dict(one) for one in behaviours]

    def forget(self):
        with self.lock:
            self.queue.clear()
            self.requests.clear()

    def choose(self, request, then):
        with self.lock:
            self.requests.append(request)
            if then is not None:
                return then
            for at, one in enumerate(self.queue):
                if not request["path"].startswith(one.get("path", "")):
                    continue
                times = one.get("times", 1)
                if times == 1:
                    del self.queue[at]
                elif times > 1:
                    one["times"] = times - 1
                return one
        parts = request["path"].split("?")[0].split("/")
        if len(parts) > 2 and parts[1] == "fault":
            return FAULTS.get(parts[2], {"status": 404, "json": {"error": "no fault '%s'" % parts[2]}})
        return {}

    async def serve(self, reader, writer):
        self.connections += 1
        await Connection(self, reader, writer, self.connections).run()

    async def listen(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", self.port, limit=2**26, ssl=self.tls, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def start(self):
        ready = threading.Event()

        def main():
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
            self.server = self.loop.run_until_complete(self.listen())
            ready.set()
            self.loop.run_forever()
            self.server.close()
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self.loop.close()

        self.thread = threading.Thread(target=main, daemon=True)
        self.thread.start()
        ready.wait()
        return self

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    __enter__ = start

    def __exit__(self, *_):
        self.stop()


class Remote:
    """The control of an upstream.py that runs as a program: the same script(), requests, count."""

    def __init__(self, url):
        self.url = url

    def _call(self, path, value=None):
        data = None if value is None else json.dumps(value).encode()
        with urllib.request.urlopen(self.url + path, data) as answer:
            return json.load(answer)

    def script(self, behaviours):
        self._call("/__script", behaviours)

    def forget(self):
        self._call("/__reset", [])

    @property
    def requests(self):
        return self._call("/__requests")

    @property
    def count(self):
        return self._call("/__count")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    args = parser.parse_args()
    upstream = Upstream(args.port, args.cert, args.key)
    upstream.start()
    print("listening on %d" % upstream.port, flush=True)
    if args.port_file:
        with open(args.port_file, "w") as file:
            file.write("%d\n" % upstream.port)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        upstream.stop()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A scripted OpenAI-compatible endpoint that answers the slide generator's three steps from replies.json.

It makes examples/slide_generator/recordings (see `record` in this folder) and shows in tests that the example runs on
any such endpoint by environment variables alone. It prints its base URL as the first line, then serves until killed.
"""
import html
import json
import pathlib
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REPLIES = json.loads(pathlib.Path(__file__).with_name("replies.json").read_text())
KEY = "test-key"


def items(points):
    return "".join(f"<li>{html.escape(point, quote=False)}</li>" for point in points)


def body(slide):
    if slide["layout"] != "comparison":
        return f"<ul>{items(slide['points'])}</ul>"
    sides = {}
    for point in slide["points"]:
        side, text = point.split(": ", 1)
        sides.setdefault(side, []).append(text)
    return "\n".join(
        f'<div class="side"><h3>{html.escape(side)}</h3><ul>{items(points)}</ul></div>' for side, points in sides.items()
    )


def section(index, slide):
    heading = "h1" if index == 0 else "h2"
    return (
        f'<section class="slide {slide["layout"]}">\n<{heading}>{html.escape(slide["headline"], quote=False)}</{heading}>\n'
        f'{body(slide)}\n<aside class="notes">{html.escape(slide["notes"], quote=False)}</aside>\n</section>'
    )


def document(deck, style):
    sections = "\n".join(section(index, slide) for index, slide in enumerate(deck["slides"]))
    return (
        f'<!DOCTYPE html>\n<html lang="{deck["language"]}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(deck['title'])}</title>\n<style>\n{style}\n</style>\n</head>\n<body>\n{sections}\n</body>\n</html>"
    )


def answer(request):
    """The text that a model would answer, or None where nothing is scripted."""
    prompt = request["messages"][-1]["content"]
    for reply in REPLIES:
        if f"<question>\n{reply['question']}\n</question>" in prompt:
            step = "intent" if prompt.startswith("Find out") else "narrative"
            return json.dumps(reply[step], ensure_ascii=False)
        if f'"headline":"{reply["narrative"]["slides"][1]["headline"]}"' in prompt:
            style = re.search(r"^:root.*?(?=\n\n)", prompt, re.DOTALL | re.MULTILINE).group()
            return document(reply["narrative"], style)
    return None


def completion(request, text):
    tokens_in = sum(len(message["content"]) for message in request["messages"]) // 4
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 1795228800,
        "model": request["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": len(text) // 4,
            "total_tokens": tokens_in + len(text) // 4,
        },
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            self.reply(401, {"error": {"message": "wrong key", "type": "invalid_request_error"}})
        elif self.path != "/v1/chat/completions":
            self.reply(404, {"error": {"message": f"no route {self.path}", "type": "invalid_request_error"}})
        elif (text := answer(request)) is None:
            self.reply(400, {"error": {"message": "nothing is scripted for this question", "type": "scripted"}})
        else:
            self.reply(200, completion(request, text))

    def reply(self, status, value):
        data = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)

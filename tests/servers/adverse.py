"""A server without any SDK that does what servers should not; its tools are named for what they do.

`adverse.py count FILE` adds a line to FILE for each start; `adverse.py mute` never says which tools it has;
`adverse.py offer JSON [FILE]` offers the tools that the JSON lists, and adds the name of each that is called to FILE;
`exit_at_first` answers when it is called the second time.
"""

import json
import os
import sys
import time

SCHEMA = {"type": "object", "properties": {}}
TOOLS = {
    "fine": SCHEMA,
    "hang": SCHEMA,
    "exit": SCHEMA,
    "exit_after_answer": SCHEMA,
    "junk": SCHEMA,
    "not_utf8": SCHEMA,
    "ten_megabytes": SCHEMA,
    "error_text": SCHEMA,
    "error_flag": SCHEMA,
    "error_rpc": SCHEMA,
    "no_content": SCHEMA,
    "not_a_result": SCHEMA,
    "not_a_number": SCHEMA,
    "own_error": SCHEMA,
    "bad_schema": {"type": "object", "properties": {"n": {"type": "quantity", "minimum": "a lot"}}},
    "pid": SCHEMA,
}


def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def text(words, **more):
    return {"content": [{"type": "text", "text": words}], **more}


RESULTS = {
    "error_text": text("Database error: no such table: b", isError=False),
    "own_error": text("Sold out: there are no tickets left", isError=False),
    "error_flag": text("disk full", isError=True),
    "no_content": {"content": [], "structuredContent": {"rows": [1, 2]}},
    "not_a_result": {"rows": []},
    "not_a_number": {"content": [], "structuredContent": {"value": float("nan")}},
}
if sys.argv[1:2] == ["offer"]:
    LISTED = [{"inputSchema": SCHEMA, **tool} for tool in json.loads(sys.argv[2])]
else:
    LISTED = [{"name": name, "inputSchema": schema} for name, schema in TOOLS.items()]


def note_call(name):
    if sys.argv[1:2] == ["offer"] and sys.argv[3:]:
        with open(sys.argv[3], "a", encoding="utf-8") as file:
            file.write(f"{name}\n")


def call(name, number):
    note_call(name)
    match name:
        case "hang":
            time.sleep(60)
        case "exit":
            print("the disk is full", file=sys.stderr, flush=True)
            os._exit(3)
        case "exit_at_first":
            with open(sys.argv[3], encoding="utf-8") as file:
                if len(file.readlines()) == 1:
                    os._exit(3)
            result = text("at last")
        case "exit_after_answer":
            send(id=number, result=text("bye"))
            time.sleep(0.05)  # so that the next call is sent to a server that will not read it
            os._exit(0)
        case "junk":
            print("Loading model... 100%\n{not json}\n", flush=True)
            result = text("after the junk")
        case "not_utf8":
            line = json.dumps({"jsonrpc": "2.0", "id": number, "result": text("caf@")}).encode().replace(b"@", b"\xe9")
            sys.stdout.buffer.write(line + b"\n")
            sys.stdout.flush()
            return
        case "ten_megabytes":
            result = text("begin" + "x" * 10_000_000 + "end")
        case "error_rpc":
            send(id=number, error={"code": -32000, "message": "quota exceeded"})
            return
        case "pid":
            result = text(str(os.getpid()))
        case _:
            result = RESULTS.get(name, text("fine"))
    send(id=number, result=result)


if sys.argv[1:2] == ["count"]:
    with open(sys.argv[2], "a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
for line in sys.stdin:
    message = json.loads(line)
    match message.get("method"):
        case "initialize":
            about = {"name": "adverse", "version": "1"}
            version = message["params"]["protocolVersion"]
            send(
                id=message["id"],
                result={"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about},
            )
        case "tools/list" if sys.argv[1:2] == ["mute"]:
            print("loading the index", file=sys.stderr, flush=True)
        case "tools/list":
            cursor = int(message.get("params", {}).get("cursor", 0))  # five to a page
            more = {"nextCursor": str(cursor + 5)} if cursor + 5 < len(LISTED) else {}
            send(id=message["id"], result={"tools": LISTED[cursor : cursor + 5], **more})
        case "tools/call":
            call(message["params"]["name"], message["id"])
        case _ if "id" in message:
            send(id=message["id"], error={"code": -32601, "message": "no such method"})

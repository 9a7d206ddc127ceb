"""What people write who come from other libraries, or who slip, with what must be said of it and what to do."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from shunpike import Client, Message, Settings

KEY = "sk-wrong-call-secret"
HI = [{"role": "user", "content": "hi"}]


class Loud:
    """A value that can't even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


async def lines() -> AsyncIterator[dict[str, str]]:
    yield HI[0]


OPTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"api_key": KEY}, "there is no option 'api_key'", "shunpike keys set NAME"),
    ({"deadline": 30}, "there is no option 'deadline'", "timeout=30"),
    ({"request_timeout": 30}, "there is no option 'request_timeout'", "timeout=30"),
    ({"modle": "auto"}, "there is no option 'modle'. Did you mean 'model'?", "the options: model"),
    ({"max_token": 5}, "there is no option 'max_token'. Did you mean 'max_tokens'?", "the options: model"),
    ({"temprature": 1}, "there is no option 'temprature'. Did you mean 'temperature'?", "the options: model"),
    ({"stream": True}, "there is no option 'stream'", "client.stream(…)"),
    ({"top_k": 5}, "there is no option 'top_k'. Did you mean 'top_p'?", "extra={'top_k': …}"),
    ({"messages": HI}, "there is no option 'messages'", "the first argument"),
    ({"provider": "only"}, "there is no option 'provider'. Did you mean 'providers'?", 'providers="NAME"'),
    ({"base_url": "http://x"}, "there is no option 'base_url'", "ProviderSettings(base_url=…)"),
    ({"extra_body": {}}, "there is no option 'extra_body'", "extra={…}"),
    ({"max_retries": 2}, "there is no option 'max_retries'", "Settings(max_attempts=…)"),
    ({"allow_paid": True}, "there is no option 'allow_paid'", "Settings(allow_paid=…)"),
    ({"model": "  "}, "model must be a word, got '  '", 'model="auto"'),
    ({"model": 4}, "model must be a word, got 4", 'model="auto"'),
    ({"model": ["a", "b"]}, "model must be a word, got ['a', 'b']", 'model="auto"'),
    ({"strategy": 1}, "strategy must be a word, got 1", 'strategy="priority"'),
    ({"providers": []}, "providers is empty, which leaves nobody to ask", 'providers="NAME"'),
    ({"providers": b"only"}, "providers must be a name or a list of names, got b'only'", 'providers="NAME"'),
    ({"providers": [1]}, "providers must be a name or a list of names, got [1]", 'providers="NAME"'),
    ({"providers": 5}, "providers must be a name or a list of names, got 5", 'providers="NAME"'),
    ({"timeout": "soon"}, "timeout must be seconds above 0, or a span such as", 'timeout="90s"'),
    ({"timeout": -1}, "2d, got -1", "timeout=30"),
    ({"timeout": 0}, "2d, got 0", "timeout=30"),
    ({"timeout": math.nan}, "2d, got nan", "timeout=30"),
    ({"timeout": math.inf}, "2d, got inf", "timeout=30"),
    ({"timeout": True}, "2d, got True", "timeout=30"),
    ({"timeout": b"30"}, "2d, got b'30'", "timeout=30"),
    ({"timeout": timedelta(seconds=3)}, "2d, got datetime.timedelta(seconds=3)", "timeout=30"),
    ({"temperature": math.nan}, "temperature must be a number, got nan", "temperature=0.5"),
    ({"temperature": True}, "temperature must be a number, got True", "temperature=0.5"),
    ({"temperature": "0.5"}, "temperature must be a number, got '0.5'", "temperature=0.5"),
    ({"temperature": 3}, "temperature must be at most 2, got 3", "chat completions"),
    ({"temperature": -0.1}, "temperature must be at least 0, got -0.1", "chat completions"),
    ({"top_p": Loud()}, "top_p must be a number, got a Loud", "top_p=0.5"),
    ({"frequency_penalty": math.inf}, "frequency_penalty must be a number, got inf", "frequency_penalty=0.5"),
    ({"max_tokens": -5}, "max_tokens must be at least 1, got -5", "chat completions"),
    ({"max_tokens": 1.5}, "max_tokens must be a whole number, got 1.5", "max_tokens=500"),
    ({"max_tokens": True}, "max_tokens must be a whole number, got True", "max_tokens=500"),
    ({"n": 0}, "n must be at least 1, got 0", "chat completions"),
    ({"seed": "7"}, "seed must be a whole number, got '7'", "seed=7"),
    ({"stop": 5}, "stop must be text or a list of texts, got 5", 'stop="END"'),
    ({"stop": [5]}, "stop must be text or a list of texts, got [5]", 'stop="END"'),
    ({"wait": 1}, "wait must be true or false, got 1", "wait=False"),
    ({"strict": "yes"}, "strict must be true or false, got 'yes'", "strict=True"),
    ({"tag": "a\nb"}, r"tag may not hold the character '\n'", "one line"),
    ({"tag": 5}, "tag must be a word, got 5", 'tag="docs"'),
    ({"priority": "later"}, "priority must be interactive or batch, got 'later'", 'priority="batch"'),
    ({"system": b"x"}, "system must be text, got b'x'", "decoded first"),
    ({"tools": "weather"}, "tools must be a list, got 'weather'", '"function"'),
    ({"tools": [len]}, "tools[0] must be an object of names and values, got <built-in function len>", '"function"'),
    (
        {"tools": [{"name": "weather"}]},
        "tools[0] must be a function with a name, got {'name': 'weather'}",
        '"function"',
    ),
    ({"tool_choice": 5}, "tool_choice must be a word or an object of names and values, got 5", 'tool_choice="auto"'),
    ({"response_format": "json"}, "must be an object with a type, or a pydantic model, got 'json'", "json_object"),
    (
        {"response_format": {"type": "json"}},
        "type must be one of text, json_object, json_schema, got 'json'",
        "json_schema",
    ),
    ({"response_format": {"name": "x"}}, "response_format.type is missing", "json_object"),
    (
        {"response_format": {"type": "object", "properties": {}}},
        "response_format.type must be one of",
        "a schema stands inside",
    ),
    (
        {"response_format": {"type": "json_schema"}},
        "json_schema must be an object that holds a schema, got None",
        "json_schema",
    ),
    (
        {"response_format": int},
        "must be an object with a type, or a pydantic model, got <class 'int'>",
        "pydantic model",
    ),
    (
        {"response_format": Message(role="user", content="x")},
        "response_format must be an object with a type",
        "pydantic model",
    ),
    ({"extra": "top_k"}, "extra must be an object of names and values, got 'top_k'", "extra={"),
    ({"extra": {"top_k": math.nan}}, "extra can't be written as JSON", "finite numbers"),
    ({"extra": {"x": object()}}, "extra can't be written as JSON", "finite numbers"),
    ({"extra": {5: 1}}, "extra: the name of a field must be text, got 5", "top_k"),
    ({"extra": {"api_key": KEY}}, "extra: 'api_key' is no field of a request's body", "shunpike keys set"),
    ({"extra": {"timeout": 5}}, "extra: 'timeout' is no field of a request's body", "timeout=…"),
    ({"extra": {"messages": HI}}, "extra: 'messages' is not set this way", "the first argument"),
    ({"extra": {"max_tokens": 10**30}}, "max_tokens must be a whole number of at most 63 bits", "max_tokens=500"),
    ({"max_tokens": 10**30}, "max_tokens must be a whole number of at most 63 bits, got 1000", "max_tokens=500"),
    ({"seed": -(2**63)}, "seed must be a whole number of at most 63 bits, got -9223372036854775808", "seed=7"),
    ({"stop": ["a", "\ud800"]}, "stop holds half a character", "encoding"),
    ({"user": "\ud800"}, "user holds half a character", "encoding"),
    ({"tool_choice": "\ud800"}, "tool_choice holds half a character", "encoding"),
    ({"extra": {"x": ["\ud800"]}}, "extra can't be written as JSON: 'utf-8' codec can't encode", "text"),
    ({"metadata": {"\ud800": "y"}}, "metadata can't be written as JSON: 'utf-8' codec can't encode", "text"),
    ({"metadata": {"x": b"y"}}, "metadata can't be written as JSON", "finite numbers"),
]

PROMPTS: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: "", "the prompt is empty", "say something"),
    (lambda: " \n", "the prompt is empty", "say something"),
    (lambda: None, "the prompt must be text, or a list of messages, got None", '"role"'),
    (lambda: 5, "the prompt must be text, or a list of messages, got 5", '"role"'),
    (lambda: b"hi", "the prompt must be text, or a list of messages, got b'hi'", "decode"),
    (lambda: Path("a.txt"), "the prompt must be text, or a list of messages, got PosixPath('a.txt')", "read_text"),
    (lines, "the prompt must be text, or a list of messages, got <async_generator", "async for"),
    (lambda: Message(role="user", content="hi"), "the prompt must be text, or a list of messages", "[message]"),
    (lambda: "\ud800", "the prompt holds half a character", "encoding"),
    (list, "the prompt is empty: a list without a message", '"role"'),
    (lambda: iter(()), "the prompt is empty: a list without a message", '"role"'),
    (lambda: ["hi"], "messages.0 must be a message, got 'hi'", """{"role": "user", "content": 'hi'}"""),
    (lambda: [("user", "hi")], "messages.0 must be a message, got ('user', 'hi')", "ROLE"),
    (lambda: [*HI, None], "messages.1 must be a message, got None", '"role"'),
    (lambda: [{"content": "hi"}], "messages.0.role is missing", '"role"'),
    (lambda: [{"role": "usr", "content": "hi"}], "got 'usr'. Did you mean 'user'?", '"role"'),
    (lambda: [{"role": 5, "content": "hi"}], "messages.0.role must be one of system, developer, user", '"role"'),
    (
        lambda: [{"role": "user", "content": 5}],
        "messages.0: the content must be a text or a list of parts, got int",
        "chat completions",
    ),
    (
        lambda: [{"role": "user", "content": b"hi"}],
        "messages.0: the content must be a text or a list of parts, got bytes",
        "chat completions",
    ),
    (
        lambda: [{"role": "user", "content": [5]}],
        "messages.0.content.0 must be a part with a type, got 5",
        "text",
    ),
    (
        lambda: [{"role": "user", "content": [{"type": "text", "text": 5}]}],
        "messages.0.content.0.text must be text, got 5",
        "text",
    ),
    (
        lambda: [{"role": "user", "content": [{"type": "image_url", "image_url": "a.png"}]}],
        "messages.0.content.0.image_url must be an object with a url, got 'a.png'",
        "base64",
    ),
    (lambda: [{"role": "user", "content": "hi", "x": math.nan}], "messages.0 can't be written as JSON", "finite"),
    (lambda: [{"role": "user", "content": ""}], "the prompt is empty", ""),
    (lambda: {"role": "user", "content": "hi"}, "a message alone is no prompt", "into a list"),
    (lambda: {"model": "auto"}, "the prompt is an object without messages, got {'model': 'auto'}", '"messages"'),
    (lambda: {"messages": HI, "api_key": KEY}, "the prompt: 'api_key' is no field of a request's body", "keys set"),
    (lambda: {"messages": HI, "timeout": 5}, "the prompt: 'timeout' is no field of a request's body", "timeout=…"),
    (lambda: {"messages": HI, "max_tokens": "5"}, "max_tokens must be a whole number, got '5'", "max_tokens=500"),
    (
        lambda: {"messages": HI, "response_format": {"type": "xml"}},
        "response_format.type must be one of",
        "json_object",
    ),
    (lambda: {"messages": 5}, "the prompt must be text, or a list of messages, got 5", '"role"'),
]

EMBEDS: list[tuple[Any, dict[str, Any], str, str]] = [
    ("a", {}, '"auto" names no model', "no installed provider"),
    ("a", {"model": None}, '"auto" names no model', "no installed provider"),
    ((), {"model": "vectors"}, "there is no text to embed", "embed"),
    ("", {"model": "vectors"}, "text 0 is empty", "leave it out"),
    (None, {"model": "vectors"}, "the texts must be text or a list of texts, got None", "a side road"),
    (b"a", {"model": "vectors"}, "the texts must be text or a list of texts, got b'a'", "decoded"),
    (["a", 5], {"model": "vectors"}, "text 1 must be text, got 5", "a side road"),
    ([["a"]], {"model": "vectors"}, "text 0 must be text, got ['a']", "a side road"),
    ("a", {"model": "vectors", "dimensions": 0}, "dimensions must be at least 1, got 0", "leave it out"),
    ("a", {"model": "vectors", "dimensions": True}, "dimensions must be a whole number, got True", "dimensions=1"),
    ("a", {"model": "vectors", "temperature": 1}, "there is no option 'temperature'", "the options: model"),
    ("a", {"model": "vectors", "input": "a"}, "there is no option 'input'", "the first argument"),
    ("a", {"model": "vectors", "timeout": "soon"}, "timeout must be seconds above 0", 'timeout="90s"'),
    ("a", {"model": "vectors", "providers": {}}, "providers must be a name or a list of names, got {}", "NAME"),
]

CLIENTS: list[tuple[Callable[[], object], str, str]] = [
    (lambda: Client(api_key=KEY), "Client has no argument 'api_key'", "shunpike keys set NAME"),  # type: ignore[arg-type]
    (lambda: Client(timeout=5), "Client has no argument 'timeout'", "Settings(timeout=…)"),  # type: ignore[arg-type]
    (lambda: Client(providers="groq"), "Client has no argument 'providers'", "Settings(providers=…)"),  # type: ignore[arg-type]
    (lambda: Client(setings=Settings()), "Did you mean 'settings'?", "settings"),  # type: ignore[arg-type]
    (lambda: Client(KEY), "settings must be a Settings object, got str", "read the files"),  # type: ignore[arg-type]
    (lambda: Client({"order": ["groq"]}), "settings must be a Settings object, got dict", "read the files"),  # type: ignore[arg-type]
    (lambda: Client(store="memory:"), "store must be a store object, got str", "Settings(store="),  # type: ignore[arg-type]
    (lambda: Client(environ=["A=1"]), "environ must be an object of names and values, got list", "os.environ"),  # type: ignore[arg-type]
    (lambda: Client(host="groq"), "host must be a Host of plugins, got str", "Host.load()"),  # type: ignore[arg-type]
    (lambda: Client(clock=5), "clock must be a Clock, got int", "leave it out"),  # type: ignore[arg-type]
]

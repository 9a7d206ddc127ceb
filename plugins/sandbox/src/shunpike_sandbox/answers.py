"""Makes texts from the words of the prompt: extractive, deterministic, honest about what it is."""

from __future__ import annotations

import re
from collections import Counter

from shunpike_sandbox.asks import ParsedRequest, Turn

GLOSSARY = {
    "shunpike": "A shunpike is a side road that drivers use to avoid the toll gate of a main road.",
    "turnpike": "A turnpike is a main road with a gate at which a toll is paid.",
    "llm": "An LLM is a large language model: a program that continues text by predicting tokens.",
    "token": "A token is the unit in which a language model reads, writes and bills text.",
    "rate limit": "A rate limit is the most requests or tokens that a provider accepts within a window of time.",
    "context window": "A context window is the most tokens a model can read and write in one request.",
    "free tier": "A free tier is what a provider gives away each minute or day without payment.",
    "fall-over": "Fall-over is sending a request to the next provider when one cannot answer it.",
    "sandbox": "A sandbox is a closed place in which things can be tried without consequences outside it.",
    "plugin": "A plugin is a separately installed package that adds an ability to a program.",
    "paris": "Paris is the capital of France.",
}
CAPITALS = {"france": "Paris", "germany": "Berlin", "italy": "Rome", "spain": "Madrid", "japan": "Tokyo"}
NOTICE = "This text was not written by an AI model: it comes from shunpike's built-in offline sandbox."

_STOP = re.compile(
    "a|an|and|are|as|at|be|but|by|can|could|did|do|does|for|from|had|has|have|how|i|if|in|"
    "into|is|it|its|me|my|of|on|one|or|our|please|so|some|tell|than|that|the|their|them|then|"
    "there|these|they|this|to|use|used|using|was|we|were|what|when|where|which|who|why|will|"
    "with|would|write|you|your|about|give|explain|describe|answer|short"
)
"""Words that carry no meaning."""
_SENTENCE = re.compile("[^.!?\u3002\uff01\uff1f\n]+[.!?\u3002\uff01\uff1f]*")
_WORD = re.compile(r"[^\W\d_][\w'-]+")
_SUM = re.compile(r"(-?\d{1,12})\s*([-+*x\u00d7])\s*(-?\d{1,12})")
_CODE = re.compile(
    r"^[ \t]*(?:async )?(def|class|function|interface|struct|fn|func)\s+([A-Za-z_]\w*)([^\n{:]*)", re.MULTILINE
)
_DOC = re.compile(r"^[ \t]*(?:async )?(?:def|class)\s+(\w+)[^\n]*:\s*\n\s*[rb]?\"\"\"([^\n\"]+)", re.MULTILINE)
_SAY = re.compile(
    r"\b(?:say|repeat|reply with|respond with|answer with)(?: exactly| only| just)?:?\s+[\"'“]([^\"'”]+)", re.IGNORECASE
)


def answer(ask: ParsedRequest) -> str:
    """Return the text of an answer to the newest turn."""
    last = ask.turns[-1]
    if last.role == "tool":
        return _from_tools(ask)
    text = ask.last_user or ask.text
    for attempt in (_said, _defined, _reckoned, _documented, _extracted):
        found = attempt(text)
        if found:
            return found
    return _restated(text)


def thought(ask: ParsedRequest) -> str:
    """Return the text that a thinking model shows before its answer."""
    words = keywords(ask.last_user or ask.text, 4)
    return f"The request is about {', '.join(words) or 'very little'}. I will answer from its own words."


def keywords(text: str, number: int) -> list[str]:
    """Return the most frequent words that carry meaning, in the order of the text."""
    words = [word for word in _WORD.findall(text) if not _STOP.fullmatch(word.lower())]
    counts = Counter(word.lower() for word in words)
    first = list(dict.fromkeys(word.lower() for word in words))
    best = sorted(first, key=lambda word: (-counts[word], first.index(word)))[:number]
    return sorted(best, key=first.index)


def sentences(text: str) -> list[str]:
    """Split a text into sentences."""
    return [found.strip() for found in _SENTENCE.findall(text) if found.strip()]


def _from_tools(ask: ParsedRequest) -> str:
    results: list[Turn] = []
    for turn in reversed(ask.turns):
        if turn.role != "tool":
            break
        results.insert(0, turn)
    parts = [f"{turn.name or 'The tool'} returned: {' '.join(turn.text.split())[:600]}." for turn in results]
    words = keywords(ask.last_user, 5)
    about = f" That answers the question about {', '.join(words)}." if words else ""
    return " ".join(parts) + about


def _said(text: str) -> str | None:
    found = _SAY.search(text)
    return found.group(1) if found else None


def _defined(text: str) -> str | None:
    if len(text) > 200:
        return None
    lowered = text.lower()
    capital = re.search(r"capital of (\w+)", lowered)
    if capital and capital.group(1) in CAPITALS:
        return f"The capital of {capital.group(1).title()} is {CAPITALS[capital.group(1)]}."
    if not re.search(r"\b(what|who|define|explain|meaning)\b", lowered):
        return None
    hits = [term for term in GLOSSARY if re.search(rf"\b{term}s?\b", lowered)]
    return " ".join(GLOSSARY[term] for term in hits[:2]) or None


def _reckoned(text: str) -> str | None:
    found = _SUM.search(text)
    if found is None or len(text) > 200:
        return None
    a, sign, b = int(found.group(1)), found.group(2), int(found.group(3))
    value = {"+": a + b, "-": a - b}.get(sign, a * b)
    return f"{a} {sign} {b} = {value}"


def _documented(text: str) -> str | None:
    names = _CODE.findall(text)
    if not names:
        return None
    said = dict(_DOC.findall(text))
    lines = [f"The source defines {len(names)} name{'s' if len(names) > 1 else ''}:", ""]
    for kind, name, rest in dict.fromkeys(names):
        words = " ".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", name)).lower()
        purpose = said.get(name) or f"Handles {words or name}."
        signature = f"{name}{rest.strip()}" if kind != "class" else name
        lines.append(f"- `{signature}` ({kind}): {purpose.strip()}")
    return "\n".join(lines)


def _extracted(text: str) -> str | None:
    parts = sentences(text)
    if len(parts) < 3:
        return None
    question = next((part for part in reversed(parts) if part.endswith("?")), parts[0])
    wanted = set(keywords(question, 12)) or set(keywords(text, 6))
    common = set(keywords(text, 12))
    rest = [part for part in parts if part != question]

    def weight(part: str) -> float:
        words = {word.lower() for word in _WORD.findall(part)}
        return (2 * len(words & wanted) + len(words & common)) / (len(words) + 5)

    best = sorted(rest, key=lambda part: (-weight(part), rest.index(part)))[: min(4, max(1, len(rest) // 2))]
    return " ".join(
        part if part[-1] in ".!?\u3002\uff01\uff1f" else f"{part}." for part in sorted(best, key=rest.index)
    )


def _restated(text: str) -> str:
    plain = " ".join(text.split())
    if not plain:
        return "There was no text to answer."
    words = keywords(plain, 6)
    shown = plain if len(plain) <= 240 else plain[:240].rsplit(" ", 1)[0] + " …"
    about = f" It is about {', '.join(words)}." if words else ""
    return f"You wrote: “{shown}”{about}"

"""``shunpike ask``, and what ``shunpike "question"`` means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from shunpike.cli.answer import AnswerDisplay, answer
from shunpike.cli.asking import Asking, check_text, conversation_of, in_conversation, options_of
from shunpike.cli.attachments import STDIN, attached, with_attachments
from shunpike.cli.conversation import Conversation
from shunpike.cli.dispatch import stdin_is_piped
from shunpike.cli.options import Json, command_app, takes
from shunpike.cli.output import as_json, plain
from shunpike.cli.reading import all_of_stdin
from shunpike.cli.request_fields import PairedOptions
from shunpike.cli.session import check_provider, client, run
from shunpike.cli.waiting import say_waits
from shunpike.client import Options
from shunpike.errors import UsageError
from shunpike.types import Candidate, Cause, Completion, Message, Verdict
from shunpike.types.chat import Part

app = command_app("Ask a question; what comes in on stdin is put before it.")


@dataclass(frozen=True)
class AskOptions(Asking):
    """The options of ``ask``."""

    words: Annotated[list[str] | None, typer.Argument(metavar="QUESTION", help="The question.")] = None
    json: Json = False
    all: Annotated[bool, typer.Option("--all", help="With --json: also the candidates that nobody tried.")] = False


@app.command(cls=PairedOptions)
@takes(AskOptions)
def ask(given: AskOptions) -> None:
    """Ask a question; what comes in on stdin is put before it. The word `ask` may be left out."""
    options = options_of(given)
    parts = attached(given.attach or ())
    text = compose(" ".join(given.words or ()), "" if STDIN in (given.attach or ()) else piped(), parts)
    conversation = conversation_of(given)
    conversation.silent = given.json
    question = Message(role="user", content=with_attachments(text, parts))
    run(lambda: _ask(given, question, conversation, options))


async def _ask(given: AskOptions, question: Message, conversation: Conversation, options: Options) -> None:
    prompt = [*conversation.messages, question]
    asked = in_conversation(options, conversation)
    async with client() as opened:
        for name in conversation.providers:
            check_provider(name, opened)
        if not given.quiet:
            say_waits(opened, scripted=given.json)
        if given.json:
            done = await opened.complete(prompt, **asked)
            as_json(as_object(await opened.settled(done), untried=given.all))
        else:
            look = AnswerDisplay(stream=not given.no_stream, quiet=given.quiet, markdown=given.markdown)
            done = await answer(opened, prompt, asked, look)
    conversation.said(question, done.choices[0].message)


def compose(question: str, given: str, parts: Sequence[Part] = ()) -> str:
    """Return the prompt: what was piped in, then the question. Raises `UsageError` where nothing at all is asked."""
    texts = [text for text in (given.strip("\n"), question) if text.strip()]
    if not texts and not parts:
        raise UsageError("the prompt is empty", hint='say something: shunpike "What is a shunpike?"')
    prompt = "\n\n".join(texts)
    check_text(prompt, "the question")
    return prompt


def piped() -> str:
    """Return what came in on stdin, nothing where a person sits. Raises `UsageError`."""
    return all_of_stdin() if stdin_is_piped() else ""


def _is_told(candidate: Candidate) -> bool:
    """Whether it was its turn, or something is wrong with how it is set up."""
    return candidate.verdict not in (Verdict.UNUSED, Verdict.DROPPED) or candidate.cause is Cause.CONFIG


def as_object(completion: Completion, *, untried: bool = False) -> dict[str, Any]:
    """Return the answer as JSON types: the text first, then where it came from and how it was decided.

    Candidates that nobody tried are counted, and listed only where they are wanted too.
    """
    found = {name: item for name, item in plain(completion).items() if name != "choices"}
    if not untried:
        candidates = completion.decision.candidates
        shown = [plain(one) for one in candidates if _is_told(one)]
        found["decision"] |= {"candidates": shown, "untried": len(candidates) - len(shown)}
    return {
        "text": completion.text,
        "finish_reason": completion.finish_reason,
        **found,
        "message": plain(completion.message),
    }

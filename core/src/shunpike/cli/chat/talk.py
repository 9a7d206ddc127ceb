"""A conversation: messages go out, answers come back, and what fails can be sent again."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

from anyio.from_thread import BlockingPortal

from shunpike.cli.answer import AnswerDisplay, answer
from shunpike.cli.asking import in_conversation
from shunpike.cli.attachments import with_attachments
from shunpike.cli.chat.completion import model_names
from shunpike.cli.chat.interrupts import Interrupts, OnInterrupt
from shunpike.cli.conversation import Conversation
from shunpike.cli.ending import ended_by
from shunpike.cli.output import narrate
from shunpike.cli.report import report
from shunpike.client import Client, Options
from shunpike.errors import ShunpikeError
from shunpike.types import Completion, Message
from shunpike.types.chat import Part


@dataclass
class Talk:
    """One conversation at a time, with one client. What was asked and got no answer is never part of it."""

    portal: BlockingPortal
    client: Client
    options: Options
    look: AnswerDisplay
    conversation: Conversation
    attachments: list[Part] = field(default_factory=list)
    """What goes with the next message."""
    done: list[Completion] = field(default_factory=list)
    """The answers of this session, for what they used and cost."""
    unanswered: Message | None = None
    """The last message, if it got no answer."""
    failures: list[int] = field(default_factory=list)
    """The exit code of each line that came to nothing, as `ask` would end with."""
    left: bool = False
    """Whether somebody wants to leave in the middle of an answer."""

    def say(self, text: str) -> None:
        """Send ``text`` with what is attached."""
        parts, self.attachments = tuple(self.attachments), []
        self.send(Message(role="user", content=with_attachments(text, parts)))

    def send(self, question: Message) -> None:
        """Send ``question`` and show its answer. It stays `unanswered` where nothing comes; what is stopped is kept.

        Raises `KeyboardInterrupt` where the talk shall end.
        """
        if question is self.unanswered and self.failures:
            self.failures.pop()
        self.unanswered = question
        look = replace(self.look, spoken=[])
        interrupts = Interrupts()
        with OnInterrupt(interrupts.pressed):
            said, stopped = self._answer(question, look, interrupts)
            if said is not None:
                self.unanswered = None
                self.conversation.said(question, said)
        if interrupts.leave or ended_by() is not None:
            self.left = True
            raise KeyboardInterrupt
        if stopped:
            kept = "/retry sends it again" if said is None else "what was said is kept"
            narrate(f"(stopped; {kept})", dim=True)

    def again(self) -> bool:
        """Send the last message again; its answer takes the place of the old one. False where there is none."""
        question = self.unanswered
        if question is None and len(self.conversation.messages) >= 2:
            *self.conversation.messages, question, answered = self.conversation.messages
            self.send(question)
            if self.unanswered is not None:
                self.unanswered = None
                self.conversation.messages += [question, answered]
        elif question is not None:
            self.send(question)
        return question is not None

    def model_names(self) -> tuple[str, ...]:
        """Return what can be asked for. The client is only ever used on its own loop."""
        return self.portal.call(model_names, self.client)

    def tell_where_it_was(self) -> None:
        """Say what the conversation is that goes on."""
        count = sum(one.role == "user" for one in self.conversation.messages)
        model = f", with {self.conversation.model}" if self.conversation.model else ""
        narrate(f"going on after {count} question{'' if count == 1 else 's'}{model}", dim=True)

    def _answer(self, question: Message, look: AnswerDisplay, interrupts: Interrupts) -> tuple[Message | None, bool]:
        """Return the answer, or what came of it before it was stopped, or nothing; and whether it was stopped."""
        ended = threading.Event()
        done: list[Completion] = []
        messages = [*self.conversation.messages, question]
        options = in_conversation(self.options, self.conversation)

        async def ask() -> None:
            try:
                done.append(await answer(self.client, messages, options, look))
            finally:
                ended.set()

        future = self.portal.start_task_soon(ask)
        interrupts.wait(future, ended)
        if not done and (interrupts.leave or future.cancelled()):
            text = "".join(look.spoken)
            return Message(role="assistant", content=text) if text.strip() else None, True
        try:
            if not done:
                future.result()
        except (ShunpikeError, OSError) as error:
            self.failures.append(report(error, as_json=False))
            narrate("/retry sends it again", dim=True)
            return None, False
        self.done += done
        return done[0].choices[0].message, False

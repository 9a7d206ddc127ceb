"""A conversation: messages go out, answers come back, and what fails can be sent again."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace

from anyio.from_thread import BlockingPortal

from shunpike.cli.answer import Look, answer
from shunpike.cli.asking import check_text, in_conversation
from shunpike.cli.attachments import with_attachments
from shunpike.cli.chat.commands import command_of
from shunpike.cli.chat.completion import model_names
from shunpike.cli.chat.lines import Lines
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
    look: Look
    conversation: Conversation
    attachments: list[Part] = field(default_factory=list)
    """What goes with the next message."""
    done: list[Completion] = field(default_factory=list)
    """The answers of this session, for what they used and cost."""
    unanswered: Message | None = None
    """The last message, if it got no answer."""

    def run(self, lines: Lines) -> None:
        """Answer message after message until the end of them, or until somebody leaves."""
        while True:
            try:
                text = lines.read()
            except KeyboardInterrupt:
                _unless_ended()
                continue
            if text is None:
                narrate()
                return
            if not self._take(text):
                return

    def _take(self, text: str) -> bool:
        """Do what ``text`` says; False to leave."""
        if not text.strip():
            return True
        try:
            check_text(text, "the message")
            command = command_of(text)
            if command is not None:
                return command(self)
        except KeyboardInterrupt:
            _unless_ended()
            return True
        except (ShunpikeError, OSError) as error:
            report(error, as_json=False)
            return True
        self.say(text.removeprefix("/") if text.startswith("//") else text)
        return True

    def say(self, text: str) -> None:
        """Send ``text`` with what is attached."""
        parts, self.attachments = tuple(self.attachments), []
        self.send(Message(role="user", content=with_attachments(text, parts)))

    def send(self, question: Message) -> None:
        """Send ``question`` and show its answer. It stays `unanswered` where nothing comes; what is stopped is kept."""
        self.unanswered = question
        look = replace(self.look, spoken=[])
        said = self._answer(question, look)
        if said is not None:
            self.unanswered = None
            self.conversation.said(question, said)

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

    def _answer(self, question: Message, look: Look) -> Message | None:
        """Return the answer, or what came of it before it was stopped; None where there is nothing to keep."""
        ended = threading.Event()
        messages = [*self.conversation.messages, question]
        options = in_conversation(self.options, self.conversation)

        async def ask() -> Completion:
            try:
                return await answer(self.client, messages, options, look)
            finally:
                ended.set()

        future = self.portal.start_task_soon(ask)
        try:
            done = future.result()
        except (KeyboardInterrupt, CancelledError):
            future.cancel()
            # Until the connection is closed and what was used is booked. Pressed again, Ctrl-C leaves.
            ended.wait()
            if ended_by() is not None:
                raise KeyboardInterrupt from None
            return self._stopped(look)
        except (ShunpikeError, OSError) as error:
            report(error, as_json=False)
            narrate("/retry sends it again", dim=True)
            return None
        self.done.append(done)
        return done.choices[0].message

    def _stopped(self, look: Look) -> Message | None:
        text = "".join(look.spoken)
        if text.strip():
            narrate("(stopped; what was said is kept)", dim=True)
            return Message(role="assistant", content=text)
        narrate("(stopped; /retry sends it again)", dim=True)
        return None


def _unless_ended() -> None:
    """Begin a new line after Ctrl-C. Raises `KeyboardInterrupt` where a signal ends the process."""
    if ended_by() is not None:
        raise KeyboardInterrupt
    narrate()

"""What follows a failed attempt, by what failed: the table ``[fall_over]`` of the settings."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field
from pydantic.config import JsonDict

from shunpike.types.base import Record
from shunpike.types.written import Written

_NO_UNIT: JsonDict = {"unit": "-"}


class FallOverStep(StrEnum):
    """What a request does after an attempt that failed."""

    NEXT = "next"
    """Ask the next candidate, and this one no more."""
    WAIT = "wait"
    """Ask the next candidate; this one again at its moment, when nobody else is left."""
    SAME = "same"
    """Ask this one again after a back-off, before anybody else."""
    STOP = "stop"
    """Ask nobody else: the request ends with this failure."""


class FallOver(Written, Record):
    """What follows each kind of failure. A moment that a provider names is kept whatever this says."""

    auth: FallOverStep = Field(default=FallOverStep.NEXT, examples=["stop"], json_schema_extra=_NO_UNIT)
    """The key was refused."""
    request: FallOverStep = Field(default=FallOverStep.STOP, examples=["next"], json_schema_extra=_NO_UNIT)
    """The provider understood the request and refused it, or its filter did: others would, too, by default."""
    not_here: FallOverStep = Field(default=FallOverStep.NEXT, examples=["stop"], json_schema_extra=_NO_UNIT)
    """The model is not there, or can't take this request: its size, or an ability that it lacks."""
    rate_limited: FallOverStep = Field(default=FallOverStep.WAIT, examples=["next"], json_schema_extra=_NO_UNIT)
    """A limit of a short window was reached."""
    quota: FallOverStep = Field(default=FallOverStep.WAIT, examples=["next"], json_schema_extra=_NO_UNIT)
    """A quota of a day or a month is used up."""
    credits: FallOverStep = Field(default=FallOverStep.NEXT, examples=["stop"], json_schema_extra=_NO_UNIT)
    """The account has no money left."""
    overloaded: FallOverStep = Field(default=FallOverStep.WAIT, examples=["same"], json_schema_extra=_NO_UNIT)
    """The provider is in trouble: an error of its servers, or an answer that can't be read."""
    timed_out: FallOverStep = Field(default=FallOverStep.WAIT, examples=["next"], json_schema_extra=_NO_UNIT)
    """Nothing came in time."""
    connection: FallOverStep = Field(default=FallOverStep.WAIT, examples=["same"], json_schema_extra=_NO_UNIT)
    """No connection came about, or it broke before an answer."""
    interrupted: FallOverStep = Field(default=FallOverStep.WAIT, examples=["same"], json_schema_extra=_NO_UNIT)
    """A stream broke off before its first content. After that nothing is asked again."""
    plugin: FallOverStep = Field(default=FallOverStep.WAIT, examples=["next"], json_schema_extra=_NO_UNIT)
    """A plugin broke its contract."""
    empty: FallOverStep = Field(default=FallOverStep.NEXT, examples=["same"], json_schema_extra=_NO_UNIT)
    """The answer holds nothing."""
    truncated: FallOverStep = Field(default=FallOverStep.NEXT, examples=["stop"], json_schema_extra=_NO_UNIT)
    """The answer was cut off before it was of use. Where the request's own cap did it, nobody else is asked."""
    refused: FallOverStep = Field(default=FallOverStep.NEXT, examples=["stop"], json_schema_extra=_NO_UNIT)
    """The model declined to answer."""
    schema_invalid: FallOverStep = Field(default=FallOverStep.NEXT, examples=["same"], json_schema_extra=_NO_UNIT)
    """The answer is not of the form that was asked for."""
    looping: FallOverStep = Field(default=FallOverStep.NEXT, examples=["same"], json_schema_extra=_NO_UNIT)
    """The answer goes round in circles. This is told from its form, and only where that is gross."""
    wrong_language: FallOverStep = Field(default=FallOverStep.NEXT, examples=["same"], json_schema_extra=_NO_UNIT)
    """The answer is in a language that nothing of the prompt is in, nor speaks of."""
    bad_answer: FallOverStep = Field(default=FallOverStep.NEXT, examples=["same"], json_schema_extra=_NO_UNIT)
    """The answer is of no use in any other way."""
    paid_again: bool = Field(default=False, examples=[True], json_schema_extra=_NO_UNIT)
    """Whether another paid account is asked after one gave an answer that is of no use, and is billed."""

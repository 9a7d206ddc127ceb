"""How OpenAI words a broken rule: message, code and parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shunpike_sandbox.refusals import Problem

Words = tuple[str, str | None, str | None]

_KINDS = {"number": "a decimal", "integer": "an integer", "string": "a string", "boolean": "a boolean"}
_KINDS |= {"array": "an array", "object": "an object", "null": "null"}


def worded(problem: Problem) -> Words:
    """Return message, code and parameter for what is wrong with a body."""
    word = _WORDS.get(problem.kind)
    return (problem.message, None, problem.param or None) if word is None else word(problem)


def _empty(problem: Problem) -> Words:
    name = problem.param
    what = "Expected an array with minimum length 1, but got an empty array instead."
    return f"Invalid '{name}': empty array. {what}", "empty_array", name


def _type(problem: Problem) -> Words:
    expected = " or ".join(_KINDS.get(one, one) for one in problem.expected.split(" or "))
    got = _KINDS.get(problem.got, problem.got)
    message = f"Invalid type for '{problem.param}': expected {expected}, but got {got} instead."
    return message, "invalid_type", problem.param


def _value(problem: Problem) -> Words:
    if not problem.expected:
        return problem.message, None, problem.param
    message = f"Invalid value for '{problem.param}': {problem.got}. Supported values are: {problem.expected}."
    return message, "invalid_value", problem.param


def _pattern(problem: Problem) -> Words:
    what = f"Expected a string that matches the pattern '{problem.expected}'."
    return f"Invalid '{problem.param}': string does not match pattern. {what}", "invalid_value", problem.param


def _length(problem: Problem) -> Words:
    name, measure = problem.param, problem.measure
    thing = "an array" if measure == "array" else "a string"
    message = (
        f"Invalid '{name}': {measure} too long. Expected {thing} with maximum length {int(problem.high or 0)}, but got "
        f"{thing} with length {problem.got} instead."
    )
    return message, f"{measure}_above_max_length", name


def _range(problem: Problem) -> Words:
    name, measure = problem.param, problem.measure
    if problem.low is not None and float(problem.got) < problem.low:
        side, code, expected = "below minimum", "below_min", f">= {problem.low:g}"
    else:
        side, code, expected = "above maximum", "above_max", f"<= {problem.high:g}"
    what = f"Expected a value {expected}, but got {problem.got} instead."
    return f"Invalid '{name}': {measure} {side} value. {what}", f"{measure}_{code}_value", name


def _image(problem: Problem) -> Words:
    return f"Failed to download image from {problem.got}. Image URL is invalid.", "invalid_image_url", None


_WORDS: Mapping[str, Callable[[Problem], Words]] = {
    "json": lambda _: ("We could not parse the JSON body of your request.", None, None),
    "unknown": lambda one: (f"Unrecognized request argument supplied: {one.param}", None, None),
    "field": lambda one: (f"Unknown parameter: '{one.param}'.", "unknown_parameter", one.param),
    "missing": lambda one: (one.message, "missing_required_parameter", one.param or None),
    "schema": lambda one: (
        one.message,
        "invalid_function_parameters" if one.param.startswith("tools") else None,
        one.param,
    ),
    "unsupported": lambda one: (one.message, "unsupported_parameter", one.param),
    "unsupported_value": lambda one: (one.message, "unsupported_value", one.param),
    "too_large": lambda one: (one.message, "invalid_value", one.param),
    "empty": _empty,
    "type": _type,
    "value": _value,
    "pattern": _pattern,
    "length": _length,
    "range": _range,
    "image": _image,
}

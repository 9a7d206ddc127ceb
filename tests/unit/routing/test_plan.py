"""From a request to the list of targets: who is left out, and why; who is asked first."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shunpike.builtin.priority import Priority
from shunpike.errors import UnknownModel, UnknownProvider
from shunpike.protocols import Ranked, RoutableRequest, Strategy, Target, View
from shunpike.routing.blaming import NamedStrategy
from shunpike.routing.candidates import Allowed, CandidateIndex, Demand
from shunpike.routing.plan import Plan, Targets
from shunpike.routing.ranking import RungCandidates, ranked_in_steps
from shunpike.types import Candidate, Cause, ChatRequest, EmbedRequest, Verdict

from .loop_rig import target

VIEW = View(now=1_000.0, prompt_tokens=10, max_output=1024)
TOOLS = ChatRequest(messages="hi", tools=({"type": "function", "function": {"name": "f"}},))


def plan(
    request: RoutableRequest, *targets: Target, view: View = VIEW, allowed: Allowed | None = None, **known: object
) -> Plan:
    catalog = tuple(one.model for one in targets)
    names = tuple(one.name for one in targets)
    there = Targets.model_validate({"targets": targets, "names": names, "catalog": catalog, **known})
    return made_by(Priority(), request, there, allowed or Allowed(), view)


def made_by(strategy: Strategy, request: RoutableRequest, there: Targets, allowed: Allowed, view: View) -> Plan:
    demand = Demand(request.kind, request.needs, view.prompt_tokens, min(16, view.max_output))
    found = CandidateIndex(there).find(request.model, demand, allowed)
    step = RungCandidates(found.eligible, NamedStrategy(strategy, "made up"), view.options)
    return Plan(ranked_in_steps([step], request, view), found.dropped, strategy.name)


def reasons(made: Plan) -> dict[str, Cause | None]:
    return {one.provider: one.cause for one in made.dropped}


def test_all_that_can_answer_are_in_it_in_the_order_of_the_strategy() -> None:
    made = plan(
        ChatRequest(messages="hi"), target("north", paid=True), target("south"), allowed=Allowed(allow_paid=True)
    )

    assert [one.name for one in made.targets] == ["south", "north"]
    assert (made.dropped, made.strategy) == ((), "priority")


def test_what_a_model_lacks_is_named() -> None:
    made = plan(TOOLS, target("north"), target("south", features=["tools"]))

    assert [one.name for one in made.targets] == ["south"]
    assert [(one.reason, one.verdict) for one in made.dropped] == [("lacks tools", Verdict.DROPPED)]


def test_what_costs_money_is_left_out_unless_it_is_allowed() -> None:
    assert reasons(plan(ChatRequest(messages="hi"), target("north", paid=True))) == {"north": Cause.POLICY}


def test_a_prompt_larger_than_the_context_leaves_it_out_with_the_context() -> None:
    made = plan(ChatRequest(messages="hi"), target("north", context=20))

    assert reasons(made) == {"north": Cause.CONTEXT}
    assert made.dropped[0].context == 20


def test_a_chat_model_embeds_nothing() -> None:
    assert reasons(plan(EmbedRequest(model="m", input=("one",)), target("north"))) == {"north": Cause.UNABLE}


def test_a_provider_that_nobody_knows_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownProvider, match='Did you mean "north"'):
        plan(ChatRequest(messages="hi"), target("north"), allowed=Allowed(providers=("nort",)))
    with pytest.raises(UnknownModel):
        plan(ChatRequest(messages="hi", model="nothing-like-it"), target("north"))


def test_that_others_are_not_set_up_is_no_news_where_one_is_named() -> None:
    gone = tuple(
        Candidate(provider=name, model="*", verdict=Verdict.DROPPED, reason="no key", cause=Cause.KEY)
        for name in ("north", "south")
    )
    made = plan(ChatRequest(messages="hi"), target("east"), unavailable=gone, allowed=Allowed(providers=("east",)))

    assert made.dropped == ()


class Backwards:
    """Ranks from last to first and says why."""

    name = "backwards"

    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
        return [Ranked(one, float(place), f"place {place}") for place, one in enumerate(reversed(candidates))]


def test_what_a_strategy_says_of_a_candidate_stands_in_the_plan() -> None:
    targets = (target("north"), target("south"))
    there = Targets(targets=targets, names=("north", "south"), catalog=tuple(one.model for one in targets))
    request = ChatRequest(messages="hi")
    made = made_by(Backwards(), request, there, Allowed(), VIEW)

    assert [(one.target.name, one.score, one.why) for one in made.ranked] == [
        ("south", 0.0, "place 0"),
        ("north", 1.0, "place 1"),
    ]

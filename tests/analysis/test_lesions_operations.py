"""A list of edits is written and read back without loss, and stands for exactly the edit that it names."""

import numpy as np
import pytest

from mtlviz.analysis.lesions.edit import Subject, edit_of
from mtlviz.analysis.lesions.operations import (
    MOST,
    VERBS,
    Operation,
    read_operations,
    with_operation,
    write_operations,
)
from mtlviz.edits import Edit, Noise
from mtlviz.errors import MtlvizError, OptionError
from mtlviz.models.interactions.edited import ALWAYS
from mtlviz.models.interactions.kem_edits import KEM_EDITS
from mtlviz.trace import TokenLayout

TASKS = ("semseg", "depth", "human_parts")
KEM = Subject(TokenLayout(TASKS, (4, 5)), 6, ALWAYS | KEM_EDITS)
N = 20


def content(slot: int, source: str) -> np.ndarray:
    return np.full(3, 100.0 * slot + len(source))


def edit(text: str, subject: Subject = KEM) -> Edit:
    return edit_of(read_operations(text), subject, content)


def some_operation(draw: np.random.Generator) -> Operation:
    def number(high):
        return int(draw.integers(0, high))

    token = (str(draw.choice(TASKS)), number(4), number(5))
    parts = {
        "zero": (number(6),), "renormalise": (), "freeze": (number(6),), "swap": (number(6), number(6)),
        "give": (number(6), number(6), str(draw.choice(["here", "room12", "room0", "china"]))),
        "silence": (token[0],), "mute": token, "move": (*token, "depth", number(4), number(5)),
        "residual": (number(10_001) / 1000,), "picks": (1 + number(99),), "slots": (1 + number(6),),
        "noise": (token[0], number(10_001) / 1000, number(1000)),
    }  # fmt: skip
    verb = str(draw.choice(list(VERBS)))
    return Operation(verb, parts[verb])


@pytest.mark.parametrize("seed", range(200))
def test_any_list_is_read_back_as_it_was_written(seed):
    draw = np.random.default_rng(seed)
    operations = ()
    for _ in range(draw.integers(0, 12)):
        operations = with_operation(operations, some_operation(draw))
    text = write_operations(operations)
    assert read_operations(text) == operations
    assert write_operations(read_operations(text)) == text
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz_0123456789-. ")
    edit_of(operations, KEM, content)


@pytest.mark.parametrize("seed", range(300))
def test_any_text_is_read_or_refused_in_one_sentence_that_does_not_repeat_it(seed):
    draw = np.random.default_rng(seed)
    letters = list("abz-0123456789._ <>\"'&%€\u0663é\n") + list(VERBS) + [" zero-", "noise-depth-", "swap-1-"]
    text = "".join(draw.choice(letters, draw.integers(1, 12)))
    try:
        operations, refusal = read_operations(text), ""
    except OptionError as error:
        operations, refusal = (), str(error)
    assert not {"\n", "<", "€", "é", "\u0663"} & set(refusal)
    assert read_operations(write_operations(operations)) == operations


@pytest.mark.parametrize("verb", VERBS)
def test_the_example_of_every_operation_is_one(verb):
    (operation,) = read_operations(VERBS[verb].example)
    assert operation.verb == verb
    assert str(operation) == VERBS[verb].example


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<script>alert(1)</script>", "Edit 1 of the list is unknown"),
        ("zero-3 zero", "Edit 2 of the list, 'zero', is not complete"),
        ("zero-3-4", "is not complete; it is written like zero-3"),
        ("zero--3", "is not complete"),
        ("zero-1e9", "is not complete"),
        ("zero-٣", "is not complete"),
        ("residual-nan", "is not complete"),
        ("residual-99", "is not complete"),
        ("residual-0.12345", "is not complete"),
        ("picks-0", "is not complete"),
        ("noise-depth-1e400-0", "is not complete"),
        ("give-1-2-../../etc", "is not complete"),
        (" ".join(f"zero-{i}" for i in range(MOST + 1)), f"at most {MOST} edits"),
    ],
)
def test_a_hostile_list_is_refused_in_one_sentence(text, words):
    with pytest.raises(OptionError, match=words):
        read_operations(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("zero-6", "has 0 to 5"), ("swap-0-9", "names a slot"), ("silence-depht", "has semseg, depth, human_parts"),
        ("mute-depth-4-0", "names a row"), ("mute-depth-0-5", "names a column"),
        ("move-depth-0-0-edge-0-0", "names a task"), ("slots-7", "has 1 to 6"),
    ],
)  # fmt: skip
def test_what_a_model_has_not_is_named(text, words):
    with pytest.raises(OptionError, match=words):
        edit(text)


def test_a_model_is_offered_only_what_it_can_apply():
    none = Subject(TokenLayout(TASKS, (4, 5)), 0, frozenset({"noise", "features", "permuted"}))
    assert none.verbs == ("noise",)
    with pytest.raises(MtlvizError, match="does not allow the edit “zero-1”; it allows noise"):
        edit("zero-1", none)
    attention = Subject(TokenLayout(TASKS, (4, 5)), 0, ALWAYS | {"silenced"})
    assert attention.verbs == ("silence", "mute", "move", "residual", "noise")
    assert KEM.verbs == tuple(VERBS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Edit()),
        ("renormalise", Edit()),
        ("slots-6", Edit()),
        ("zero-3 zero-1 zero-3", Edit(zeroed=(1, 3))),
        ("zero-3 renormalise", Edit(zeroed=(3,), renormalised=True)),
        ("slots-4", Edit(zeroed=(4, 5), renormalised=True)),
        ("slots-4 zero-0", Edit(zeroed=(0, 4, 5), renormalised=True)),
        ("slots-4 slots-5", Edit(zeroed=(5,), renormalised=True)),
        ("freeze-2", Edit(frozen=(2,))),
        ("swap-1-5 swap-0-1", Edit(swapped=((1, 5), (0, 1)))),
        ("silence-human_parts", Edit(silenced=("human_parts",))),
        ("mute-depth-1-2", Edit(muted=(N + 7,))),
        ("move-semseg-0-1-depth-3-4", Edit(moved=((1, N + 19),))),
        ("residual-0 residual-0.25", Edit(residual=0.25)),
        ("picks-2", Edit(picks=2)),
        ("noise-depth-0.5-3 noise-depth-1-4", Edit(noise=(Noise("depth", 1.0, 4),))),
    ],
)
def test_a_list_is_the_edit_that_it_names(text, expected):
    assert edit(text) == expected


def test_a_transplant_holds_what_the_named_slot_retrieved_there():
    found = edit("give-2-4-room7 give-0-1-here give-2-5-here")
    assert list(found.contents) == [0, 2]
    assert (found.contents[0] == 100 + 4).all()
    assert (found.contents[2] == 500 + 4).all()

"""Errors a user can act on: one sentence with what was given, what is allowed and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import ValidationError


class MtlvizError(Exception):
    """Base of every error that the app shows as a message and the command line as exit code 2."""


class ImageError(MtlvizError):
    """The bytes given as an image cannot be used as one."""


class CheckpointError(MtlvizError):
    """A checkpoint is unknown, damaged or does not fit what was asked of it."""


class DataError(MtlvizError):
    """A data set is missing, incomplete or not of the form asked for."""


class OptionError(MtlvizError):
    """An option or a configuration field has a value that is not allowed."""


class CapabilityError(OptionError):
    """A model cannot show or do what was asked of it."""


class AdapterError(CheckpointError):
    """An adapter cannot be found, loaded or used."""


class HubError(MtlvizError):
    """A checkpoint cannot be sent to a hub of models or fetched from one."""


class TrainingError(MtlvizError):
    """A training cannot go on."""


class ExportError(MtlvizError):
    """A network cannot be exported as asked for."""


def first_mistake(error: ValidationError, fields: Iterable[str] = ()) -> str:
    """What is wrong with the first wrong value of a record, as a clause without a full stop.

    Args:
        error: of the record.
        fields: names that it has, of which the nearest is offered in place of an unknown one.
    """
    first = error.errors()[0]
    kind, given = first["type"], repr(first["input"])
    if kind == "extra_forbidden":
        near = get_close_matches(str(first["loc"][-1]), list(fields), 1)
        return "there is no such field" + (f" (did you mean {near[0]!r}?)" if near else "")
    if kind == "missing":
        return "it is missing"
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    if kind == "value_error":
        return message
    message = _PLAIN.get(kind, message.split(", ")[0] if kind.endswith("_parsing") else message)
    for theirs, ours in _WORDS.items():
        message = message.replace(theirs, ours)
    return f"{message}; got {given if len(given) <= 60 else given[:57] + '...'}"


_PLAIN = {
    "dict_type": "must hold 'field: value' lines",
    "model_type": "must hold 'field: value' lines",
    "path_type": "must be a path",
    "tuple_type": "must be a list",
}
_WORDS = {"Input should": "must", "greater than or equal to": "at least", "less than or equal to": "at most"}

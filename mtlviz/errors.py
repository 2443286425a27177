"""Errors a user can act on: one sentence with what was given, what is allowed and what to do."""


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

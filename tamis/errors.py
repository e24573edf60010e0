"""The errors a user can meet: each message names the thing, the rule, the value it got and the way out."""


class TamisError(Exception):
    """Anything tamis refuses; the command line prints it as one line, without a traceback."""


class ConfigError(TamisError, ValueError):
    """A setting is unknown, has the wrong type, or breaks its rule."""


class DataError(TamisError, ValueError):
    """A file, a column or a value is not what the schema promises."""


class CheckpointError(TamisError):
    """A checkpoint or a saved model is missing, incomplete or damaged."""


class TrainingError(TamisError):
    """Training cannot go on: the loss is not finite, or rows were lost on the way."""

"""The command line: one file a verb, thin; what a verb does is done in the rooms below.

Made from typer and rich, which no other room knows; asked for by the ``tamis`` command.
"""

from tamis.cli.app import main

__all__ = ["main"]

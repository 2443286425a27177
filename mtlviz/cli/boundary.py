"""The edge of the program: bad input ends in one sentence and exit code 2, never in a traceback."""

import io
import json
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from mtlviz.errors import MtlvizError

BAD_INPUT = 2
INTERRUPTED = 130


class OneSentence(TyperGroup):
    """Commands whose errors are one sentence on standard error and, with ``--json``, one JSON object too."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Run one command and leave with its exit code; no arguments ask for help."""
        words = list(sys.argv[1:] if args is None else args) or ["--help"]
        for stream in (sys.stdout, sys.stderr):  # where they are not UTF-8, a question mark stands for what they lack
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        try:
            code = super().main(words, prog_name, complete_var, False, windows_expand_args, **extra)
        except MtlvizError as error:
            raise SystemExit(_refused(str(error), words)) from error
        except TyperException as error:
            asked = f"{prog_name or 'mtlviz'} {words[0]}" if words[0] in self.commands else prog_name
            sentence = f"{error.format_message().rstrip('.')}; see '{asked} --help'."
            raise SystemExit(_refused(sentence, words)) from error
        except (typer.Abort, KeyboardInterrupt):
            raise SystemExit(INTERRUPTED) from None
        except OSError as error:
            sentence = f"{error.filename or 'A file'}: {error.strerror or error}."
            raise SystemExit(_refused(sentence, words)) from error
        # A command returns nothing; what comes back is the code of an exit it asked for.
        raise SystemExit(code if isinstance(code, int) else 0)


def _refused(message: str, words: list[str]) -> int:
    sentence = " ".join(message.split())
    sys.stderr.write(f"{sentence}\n")
    if "--json" in words:
        sys.stdout.write(json.dumps({"error": sentence}) + "\n")
    return BAD_INPUT

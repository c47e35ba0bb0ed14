"""Runs the command: python3 format-spec/decoder/bbzdec ARCHIVE."""
import pathlib
import sys

if not __package__:
    sys.path[0] = str(pathlib.Path(__file__).resolve().parent.parent)

from bbzdec.command import main  # noqa: E402 (the path must be set first)

sys.exit(main())

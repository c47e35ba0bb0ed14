"""The command bbzdec."""
import argparse
import mmap
import os
import sys

from . import archive, dtypes, metas, supports
from .errors import ArchiveError

HELP = """Decodes a bbz archive by the text of format-spec. Unpacks it, unless told otherwise."""
EXIT_CODES = """exit codes:
  0  success
  2  the command line is wrong
  3  the archive is refused: damaged, truncated, malformed, unsafe or over a limit
  4  the archive needs what this decoder does not know (unsupported)
  5  the system failed to read or write
  6  an output already exists
  8  the base that the archive leans on is another one, or lacks a tensor
"""
EXIT_CODE = {"unsupported": 4, "io": 5, "exists": 6, "base": 8}  # of other errors: 3


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="bbzdec", description=HELP, epilog=EXIT_CODES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", metavar="ARCHIVE", help="the archive, a file")
    parser.add_argument("--base", action="append", metavar="FILE",
                        help="an archive or a safetensors file that the archive leans on; may be repeated")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("-C", dest="directory", metavar="DIR", default=".",
                      help="unpack below DIR, which is created, not below the current directory")
    what.add_argument("--verify", action="store_true", help="check the archive in full, unpack nothing")
    what.add_argument("--list", action="store_true", help="list files, tensors and metadata")
    return parser.parse_args(arguments)


def show(opened):
    """Prints what an archive holds, one item a line."""
    print(f"root      {opened.root()}")
    for file in opened.catalog.files:
        kind = "directory" if file.kind == metas.DIRECTORY else "file"
        recorded = file.extensions[0]
        mode = "" if recorded.mode is None else f", mode {recorded.mode:04o}"
        time = "" if recorded.time is None else ", time {}.{:09}".format(*recorded.time)
        print(f"{kind:<9} {file.path!r} of {file.size} bytes{mode}{time}")
    for tensor in opened.catalog.tensors:
        where = "operand" if tensor.file is None else f"in file {tensor.file} at {tensor.offset}"
        if tensor.base:
            where += f", a view of {tensor.base} with strides {tensor.strides}"
        if tensor.support:
            where += f", leans on {tensor.support.name!r} of base {tensor.support.base}"
        if tensor.extensions.storage:
            where += ", memory of its views"
        print(f"tensor    {tensor.name!r} {dtypes.name_of(tensor.dtype)} {tensor.shape} {where}, "
              f"{tensor.size} bytes in {len(tensor.chunks)} chunks of {tensor.stored_bytes()}")
    for entry in opened.catalog.metadata:
        of = "of the archive" if entry.file is None else f"of file {entry.file}"
        known = entry.extensions.unknown is None
        print(f"metadata  {entry.key!r} {of}: {repr(opened.value(entry)) if known else 'unsupported'}")
    for block in opened.catalog.block_types:
        fields = ", ".join(f"{one.name} {one.count} x {dtypes.name_of(one.dtype)}" for one in block.fields)
        print(f"blocks    {block.name!r}: {block.values} values in {block.size} bytes: {fields}")
    for base in opened.catalog.bases:
        print(f"base      {base.number}: {base.hint!r}, root {base.root.hex() or 'unknown'}")
    for name in opened.catalog.names:
        print(f"private   number {name.number} of registry {name.registry}: {name.name.decode()}")


def run(options, data):
    """Does what the options say."""
    bases = supports.Supports(options.base) if options.base else None
    if options.verify:
        print(f"ok: {archive.verify(data, supports=bases).root()}")
        return
    opened = archive.open_archive(data, supports=bases)
    if options.list:
        show(opened)
        return
    os.makedirs(options.directory, exist_ok=True)
    archive.unpack(opened, options.directory)


def main(arguments=None):
    """Runs the command; returns its exit code."""
    options = parse_arguments(arguments)
    try:
        with open(options.archive, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
            run(options, memoryview(mapped))
        return 0
    except ArchiveError as error:
        print(f"bbzdec: {options.archive}: {error.code}: {error}", file=sys.stderr)
        return EXIT_CODE.get(error.code, 3)
    except OSError as error:
        print(f"bbzdec: {options.archive}: io: {error}", file=sys.stderr)
        return 5

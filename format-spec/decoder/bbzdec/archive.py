"""Ways to read an archive: open it, stream it, check it in full, unpack it."""
import hashlib
import os

from . import container, groups, limits as fixed, metas, safetensors
from .catalog import Catalog
from .content import Content, read_payload
from .errors import ArchiveError, require
from .fields import Fields, text


class Archive:
    """The catalog and the content of an archive, whose bytes are in memory or mapped."""

    def __init__(self, data, catalog, supports=None):
        self.data, self.catalog = data, catalog
        self.content = Content(data, catalog, supports)

    def value(self, metadata):
        """Metadata: the value, which is text."""
        value = read_payload(self.data, metadata.record, metadata.check)
        metadata.extensions.check(f"metadata {metadata.key!r}")
        return text(value, metadata.key)

    def check_value(self, metadata):
        """Metadata: what is checked as soon as the value is read."""
        if metadata.extensions.unknown is None:
            self.value(metadata)
        else:
            read_payload(self.data, metadata.record, metadata.check)

    def root(self):
        """The root digest as the tools print it."""
        kind = "xxh3-128" if self.catalog.header.digest_kind == container.XXH3 else "sha256"
        return f"{kind}:{self.catalog.root.hexdigest()}"


def begin(data, limits, supports=None):
    """Checks the file header. Returns an empty archive."""
    return Archive(data, Catalog(container.parse_header(data), limits), supports)


def open_archive(data, limits=fixed.Limits(), supports=None):
    """Opens an archive by its index. No payload but that of the index is read."""
    archive = begin(data, limits, supports)
    catalog = archive.catalog
    catalog.finish(container.read_by_index(data, catalog.header, limits, catalog.add))
    return archive


def stream(data, limits=fixed.Limits(), fault=None, supports=None):
    """Reads an archive front to back: every payload is checked, no chunk is decoded.

    A damaged chunk is passed to fault(error), if that is given, and does not end the reading.
    """
    archive = begin(data, limits, supports)
    catalog = archive.catalog

    def take(record):
        catalog.add(record)
        container.check_pad(data, record)
        try:
            container.check_payload(data, record)
        except ArchiveError as error:
            damaged = container.has_chunk(record) and error.code == "checksum"
            if not damaged or fault is None:
                raise
            fault(error.at(record.offset))
        if record.type == container.METADATA:
            archive.check_value(catalog.metadata[-1])
        if record.type == container.GROUP:
            archive.content.parse_group(catalog.groups[-1])
        if record.type not in container.FLAGS and record.flags & container.PAYLOAD:
            check = metas.check_of(Fields(record.meta, str(record)), catalog.header)
            read_payload(data, record, check)

    catalog.finish(container.read_in_order(data, catalog.header, limits, take))
    return archive


def verify_payloads(data, limits=fixed.Limits()):
    """Checks all but what decoding shows. Returns the archive; raises the error that README.md names."""
    faults = []
    archive = stream(data, limits, faults.append)
    report(faults)
    return archive


def report(faults):
    """README.md, "Order of the checks": raises the fault of content that is reported, if there is one."""
    if faults:
        raise min(faults, key=lambda error: (error.code == "unsupported", error.offset))


def verify(data, limits=fixed.Limits(), supports=None):
    """Checks an archive in full. Returns it; raises the error that README.md, "Order of the checks", names."""
    faults = []
    archive = stream(data, limits, faults.append, supports)
    for tensor in archive.catalog.tensors:
        if tensor.form == groups.VIEW:
            try:
                groups.check_form(tensor, archive.catalog.groups)
            except ArchiveError as error:
                faults.append(error.at(tensor.at))
        elif tensor.file is None:
            archive.content.read(tensor, faults.append)
    for entry in archive.catalog.metadata:
        try:
            entry.extensions.check(f"metadata {entry.key!r}")
        except ArchiveError as error:
            faults.append(error.at(entry.record.offset))
            continue
        if entry.key in ("format", "safetensors") and entry.file is not None and not entry.inside:
            error = ArchiveError("malformed", f"metadata {entry.key!r} outside of its file")
            faults.append(error.at(entry.record.offset))
    for file in archive.catalog.files:
        verify_file(archive, file, faults)
    report(faults)
    return archive


def verify_file(archive, file, faults):
    """File end: the digest and the header of a file, if all of its tensors are whole."""
    before = len(faults)
    sha256, start, header = hashlib.sha256(), b"", None
    for tensor in file.tensors:
        data = archive.content.read(tensor, faults.append)
        sha256.update(data)
        start += data[:9 - len(start)]
        if data and header is None:
            header = data if tensor.kind == metas.BYTES else b""
    if len(faults) > before:
        return
    try:
        check_file(file)
        metadata = {entry.key: archive.value(entry) for entry in archive.catalog.metadata
                    if entry.file == file.number and entry.extensions.unknown is None}
        if file.kind == metas.REGULAR and safetensors.is_compared(file, metadata, start):
            safetensors.compare(file, metadata, header)
        require(not file.digest or sha256.digest() == file.digest, "checksum",
                f"{file.path}: its digest is not that of its bytes")
    except ArchiveError as error:
        faults.append(error.at(file.end))


def check_file(file):
    """Order of the checks: a file is not unpacked if a required extension of it is not known."""
    for extensions in file.extensions:
        extensions.check(file.path)


def unpack(archive, directory):
    """Writes the files of an archive below a directory, in which none of them may exist."""
    files = archive.catalog.files
    created = archive.catalog.folders | {file.path for file in files if file.kind == metas.DIRECTORY}
    require(len(created) <= fixed.folders(len(files)), "limit", f"{len(created)} folders")
    for file in files:
        check_file(file)
        *above, name = file.path.split("/")
        folder = directory
        for part in above if file.kind == metas.REGULAR else above + [name]:
            folder = os.path.join(folder, part)
            if not os.path.lexists(folder):
                os.mkdir(folder)
            real = os.path.isdir(folder) and not os.path.islink(folder)
            require(real, "unsafe-path", f"{folder} is a link or no directory")
        if file.kind == metas.REGULAR:
            write_file(archive, file, os.path.join(folder, name))


def write_file(archive, file, path):
    """Writes a file, which must not exist, and removes it again if it cannot be completed."""
    require(not os.path.lexists(path), "exists", f"{path} exists")
    try:
        with open(path, "xb") as out:
            for tensor in file.tensors:
                out.write(archive.content.read_whole(tensor))
    except BaseException:
        os.unlink(path)
        raise

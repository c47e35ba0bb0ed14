"""Tests the decoder of format-spec/decoder: decoder_test.py TEST, with the paths in the environment.

BBZ and MAKE_MODEL are the programs that make archives, BBZ_SHARED_DATA is the folder of real models.
"""
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SPEC = ROOT / "format-spec"
VECTORS = SPEC / "vectors"
DECODER = SPEC / "decoder" / "bbzdec"
sys.path.insert(0, str(DECODER.parent))

import mutate  # noqa: E402 (the path must be set first)
from bbzdec import archive, blocks, dtypes, metas, supports  # noqa: E402
from bbzdec.errors import ArchiveError  # noqa: E402

SKIPPED = 77
failures = []


def expect(found, expected, what):
    """Notes a failure unless the two are equal."""
    if found != expected:
        failures.append(what)
        print(f"{what}: found {found!r}, expected {expected!r}")


def outcome(action, *arguments):
    """The code of the error that an action ends with, or ok."""
    try:
        action(*arguments)
        return "ok"
    except ArchiveError as error:
        return error.code


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def attributes(file):
    """What an archive records of a file beside its content, in the form of the vectors' JSON files."""
    recorded, found = file.extensions[0], {}
    if recorded.mode is not None:
        found["mode"] = f"{recorded.mode:04o}"
    if recorded.time is not None:
        found["time"] = dict(zip(("seconds", "nanoseconds"), recorded.time))
    return found


def described(opened):
    """An archive's content in the form of the vectors' JSON files."""
    catalog, content = opened.catalog, opened.content
    path = {None: None, **{file.number: file.path for file in catalog.files}}
    tensors, broken = [], set()
    for tensor in catalog.tensors:
        entry = {"file": path[tensor.file], "name": tensor.name, "shape": tensor.shape,
                 "dtype": dtypes.name_of(tensor.dtype)}
        if tensor.block_type is not None:
            block = catalog.block_types[tensor.block_type]
            entry["block_type"], entry["values"] = block.name, blocks.shape_in_values(tensor, block)
        if tensor.layer is not None:
            entry["layer"] = tensor.layer
        try:
            entry["sha256"] = sha256(content.read_whole(tensor))
        except ArchiveError as error:
            entry["error"] = error.code
            broken.add(tensor.file)
        if tensor.kind == metas.TENSOR:
            tensors.append(entry)
    files = []
    for file in catalog.files:
        if file.kind == metas.DIRECTORY:
            files.append({"path": file.path, "directory": True, **attributes(file)})
            continue
        unread = file.number in broken
        digest = file.digest.hex() if unread else sha256(b"".join(map(content.read_whole, file.tensors)))
        files.append({"path": file.path, "size": file.size, "sha256": digest, **attributes(file)})
        unpacked = outcome(archive.check_file, file)
        if unpacked != "ok":
            files[-1]["error"] = unpacked
    metadata = []
    for entry in catalog.metadata:
        metadata.append({"file": path[entry.file], "key": entry.key})
        try:
            metadata[-1]["value"] = opened.value(entry)
        except ArchiveError as error:
            metadata[-1]["error"] = error.code
    whole = {"files": files, "tensors": tensors, "metadata": metadata, "root": opened.root()}
    if catalog.block_types:
        whole["block_types"] = [described_block(block) for block in catalog.block_types]
    return whole


def described_block(block):
    """A block type in the form of the vectors' JSON files."""
    fields = [{"name": field.name, "dtype": dtypes.name_of(field.dtype), "bits": field.bits, "count": field.count}
              for field in block.fields]
    return {"name": block.name, "values": block.values, "bytes": block.size, "fields": fields}


def base_of(path):
    """The base of an archive NAME.bbz that leans on NAME-base.bbz beside it."""
    base = path.with_name(f"{path.stem}-base.bbz")
    return supports.Supports([base]) if base.exists() else None


def test_valid():
    """Each valid vector and frozen archive has the content of its JSON file, opened and streamed."""
    for path in sorted((VECTORS / "valid").glob("*.bbz")) + sorted((SPEC / "frozen").glob("*.bbz")):
        data = memoryview(path.read_bytes())
        expected = json.loads(path.with_suffix(".json").read_text())
        unreadable = any("error" in entry for kind in ("files", "tensors", "metadata")
                         for entry in expected[kind])
        base = base_of(path)
        whole = "unsupported" if unreadable else "ok"
        expect(outcome(lambda: archive.verify(data, supports=base)), whole, path.name)
        for way in (archive.open_archive, archive.stream):
            expect(described(way(data, supports=base)), expected, f"{path.name}, {way.__name__}")
        if base:
            expect(outcome(archive.verify, data), "unsupported", f"{path.name} without its base")


def test_invalid():
    """Each invalid vector is refused with the code that the manifest names, in each way of reading.

    It is unpacked only if the manifest says that no more than a check in full finds its fault.
    """
    manifest = json.loads((VECTORS / "invalid" / "manifest.json").read_text())
    expect({path.name for path in (VECTORS / "invalid").glob("*.bbz")}, set(manifest), "names")
    for name, expected in manifest.items():
        data = memoryview((VECTORS / "invalid" / name).read_bytes())
        for way, action in (("open", archive.open_archive), ("stream", archive.verify_payloads),
                            ("verify", archive.verify)):
            expect(outcome(action, data), expected[way], f"{name}, {way}: {expected['rule']}")
        with tempfile.TemporaryDirectory() as place:
            unpacked = outcome(lambda: archive.unpack(archive.open_archive(data), place))
            expect(unpacked == "ok", "in-full" in expected, f"{name}, unpacked: {unpacked}")


def test_mutated():
    """Damage is always an ArchiveError, whatever the bytes are, and never goes unnoticed."""
    numbers = random.Random(1)
    for path in sorted((VECTORS / "valid").glob("*.bbz")):
        data = bytearray(path.read_bytes())
        for _ in range(20):
            place = numbers.randrange(len(data))
            before = data[place]
            data[place] ^= 1 << numbers.randrange(8)
            found = outcome(archive.verify, memoryview(bytes(data)))
            expect(found != "ok", True, f"{path.name}, bit flipped in byte {place}")
            data[place] = before
        cut = numbers.randrange(len(data))
        found = outcome(archive.open_archive, memoryview(bytes(data[:cut])))
        expect(found in ("truncated", "not-an-archive", "checksum"), True, f"{path.name} cut at {cut}: {found}")


def command(*arguments):
    """Runs the command; returns its exit code and what it printed."""
    done = subprocess.run([sys.executable, "-B", DECODER, *arguments], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout


def test_command():
    """The command unpacks, lists, verifies, and says by its exit code what is wrong."""
    mixed = VECTORS / "valid" / "mixed.bbz"
    expected = json.loads(mixed.with_suffix(".json").read_text())
    with tempfile.TemporaryDirectory() as work:
        expect(command(mixed, "-C", f"{work}/out"), (0, ""), "unpack")
        for file in expected["files"]:
            found = sha256(pathlib.Path(work, "out", file["path"]).read_bytes())
            expect(found, file["sha256"], file["path"])
        expect(command(mixed, "-C", f"{work}/out")[0], 6, "unpack again")
        code, printed = command(mixed, "--list")
        expect((code, expected["root"] in printed and "layers.1.w" in printed), (0, True), "list")
        expect(command(mixed, "--verify"), (0, f"ok: {expected['root']}\n"), "verify")
        expect(command(f"{work}/absent")[0], 5, "no such file")
        for name, code in (("root-digest", 3), ("major-version", 4), ("path-up", 3), ("empty", 3)):
            path = VECTORS / "invalid" / f"{name}.bbz"
            found, printed = command(path, "-C", f"{work}/{name}")
            expect(found, code, f"{name}: {printed}")
        os.symlink(work, f"{work}/model.safetensors")
        expect(command(mixed, "-C", work)[0], 6, "a link at the name of a file")
    expect(command("--help")[0], 0, "help")
    expect(command("--list", "--verify", mixed)[0], 2, "two modes")


def bbz(*arguments):
    """Runs bbz, which must succeed."""
    subprocess.run([os.environ["BBZ"], *arguments], check=True, stdout=subprocess.DEVNULL)


def same_tree(left, right):
    """Whether two folders hold the same folders and files."""
    def content(folder):
        return {path.relative_to(folder): path.is_file() and path.read_bytes()
                for path in pathlib.Path(folder).rglob("*")}
    return content(left) == content(right)


def check_packed(work, model, options):
    """What bbz packs and unpacks, the decoder unpacks too."""
    what = f"{pathlib.Path(model).name} {' '.join(options)}"
    with tempfile.TemporaryDirectory(dir=work) as place:
        packed = f"{place}/packed.bbz"
        bbz("pack", "-q", model, "-o", packed, *options)
        bbz("unpack", "-q", packed, "-C", f"{place}/expected")
        expect(command(packed, "-C", f"{place}/found"), (0, ""), f"{what}: unpack")
        expect(same_tree(f"{place}/expected", f"{place}/found"), True, f"{what}: other content")
        expect(command(packed, "--verify")[0], 0, f"{what}: verify")


def test_made():
    """Archives of models that are made up: every dtype of theirs, method of packing and digest."""
    with tempfile.TemporaryDirectory() as work:
        for dtype in ("bf16", "f16", "f32"):
            plain, sliced = f"{work}/plain-{dtype}.safetensors", f"{work}/sliced-{dtype}.safetensors"
            make = [os.environ["MAKE_MODEL"], "--dtype", dtype]
            subprocess.run([*make, "--hidden", "96", "-o", plain], check=True)
            subprocess.run([*make, "--slice", "40", "-o", sliced], check=True)
            check_packed(work, plain, [])
            check_packed(work, plain, ["--digest", "sha256", "--index-first"])
            for method in ("polar", "triangular", "bits-back"):
                check_packed(work, sliced, ["--symmetry", method])
        folder = pathlib.Path(work, "folder", "inner")
        (folder / "empty").mkdir(parents=True)
        for number in range(20):
            (folder / f"{number}.txt").write_text(f"{number}\n" * number)
        check_packed(work, str(folder.parent), [])


def shared(*names):
    """Files below the folder of real models, or the end of the test if it is missing."""
    folder = pathlib.Path(os.environ["BBZ_SHARED_DATA"], *names[:-1])
    paths = sorted(folder.glob(names[-1])) if folder.is_dir() else []
    if not paths:
        print(f"skipped: there is no {folder / names[-1]}")
        sys.exit(SKIPPED)
    return paths


def test_bases():
    """Archives that lean on a base, or on an archive that does, and one that leans on another."""
    with tempfile.TemporaryDirectory() as work:
        for dtype in ("bf16", "f16", "f32"):
            base = pathlib.Path(work, "base.safetensors")
            base.unlink(missing_ok=True)
            subprocess.run([os.environ["MAKE_MODEL"], "--dtype", dtype, "--hidden", "96", "-o", base], check=True)
            first, second = (stepped(base, step) for step in (1, 2))
            pack = [os.environ["BBZ"], "pack", "-qf"]
            subprocess.run([*pack, first, "--base", base, "-o", f"{work}/first.bbz"], check=True)
            subprocess.run([*pack, second, "--base", f"{work}/first.bbz", "--digest", "sha256",
                            "-o", f"{work}/second.bbz"],
                           check=True, env={**os.environ, "BBZ_BASE_PATH": str(base)})
            for packed, source, bases in (("first", first, [base]), ("second", second, [f"{work}/first.bbz", base])):
                data = memoryview(pathlib.Path(work, f"{packed}.bbz").read_bytes())
                given = supports.Supports(bases)
                expect(outcome(archive.verify, data), "unsupported", f"{dtype}, {packed} without its base")
                expect(outcome(lambda: archive.verify(data, supports=given)), "ok", f"{dtype}, {packed}")
                opened = archive.open_archive(data, supports=given)
                content = b"".join(map(opened.content.read_whole, opened.catalog.files[0].tensors))
                expect(sha256(content), sha256(source.read_bytes()), f"{dtype}, {packed}: its content")
                other = outcome(lambda: archive.verify(data, supports=supports.Supports([second])))
                expect(other, "base", f"{dtype}, {packed}, another base")


def test_chain():
    """A chain of archives that were packed against files: each of them has to be tried as the base of each."""
    with tempfile.TemporaryDirectory() as work:
        models = [pathlib.Path(work, "model.safetensors")]
        subprocess.run([os.environ["MAKE_MODEL"], "--hidden", "32", "-o", models[0]], check=True)
        packed = []
        for step in range(1, 17):
            models.append(stepped(models[-1], step))
            packed.append(f"{work}/{99 - step}.bbz")
            subprocess.run([os.environ["BBZ"], "pack", "-q", models[-1], "--base", models[-2], "-o", packed[-1]],
                           check=True)
        last = memoryview(pathlib.Path(packed[-1]).read_bytes())
        given = [str(models[0]), *packed[-2::-1]]
        expect(outcome(lambda: archive.verify(last, supports=supports.Supports(given))), "ok", "16 archives")
        for missing in (given[0], given[8]):
            rest = supports.Supports([path for path in given if path != missing])
            expect(outcome(lambda: archive.verify(last, supports=rest)), "base", f"without {missing}")
        # With the first model as an archive, there are 17.
        subprocess.run([os.environ["BBZ"], "pack", "-q", models[0], "-o", f"{work}/0.bbz"], check=True)
        longer = supports.Supports([f"{work}/0.bbz", *given[1:]])
        expect(outcome(lambda: archive.verify(last, supports=longer)), "base", "17 archives")
        bbz("verify", "-q", packed[-1], *(f"--base={path}" for path in given))


def stepped(path, step):
    """Writes a model beside another one, some of whose values differ a little. Returns its path."""
    data = bytearray(path.read_bytes())
    numbers = random.Random(step)
    begin = 8 + int.from_bytes(data[:8], "little")
    for _ in range(200 * step):
        data[numbers.randrange(begin, len(data))] ^= 1
    changed = path.with_name(f"step{step}.safetensors")
    changed.write_bytes(data)
    return changed


def test_real():
    """Archives of real models."""
    with tempfile.TemporaryDirectory() as work:
        for model in shared("*.safetensors") + shared("*.pt") + shared("real", "*.safetensors"):
            check_packed(work, str(model), [])
        for model in shared("*sliced*.safetensors"):
            for method in ("polar", "bits-back"):
                check_packed(work, str(model), ["--symmetry", method])


def check_agreed(paths):
    """The decoder and bbz say the same of archives."""
    # bbz verify fails if one archive does, and prints the outcome of each.
    printed = subprocess.run([os.environ["BBZ"], "verify", "--json", *paths], check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    reports = {report["archive"]: report for report in json.loads(printed)}
    for path in paths:
        error = reports[str(path)]["error"]
        expected = error["code"] if error else "ok"
        found = outcome(archive.verify, memoryview(path.read_bytes()))
        expect(found, expected, f"{path.name}: {error['message'] if error else ''}")


def test_agreed():
    """Archives with wrong fields under right checksums: the rules, and the order of their checks, are the same."""
    numbers = random.Random(1)
    sources = {path.name: mutate.take_apart(memoryview(path.read_bytes()))
               for path in sorted(VECTORS.glob("*/*.bbz"))}
    sources = {name: parts for name, parts in sources.items() if parts}
    with tempfile.TemporaryDirectory() as work:
        paths = []
        for number in range(1500):
            name = numbers.choice(list(sources))
            start, header, records = sources[name]
            paths.append(pathlib.Path(work, f"{number}-{name}"))
            mutated = records if numbers.random() < 0.1 else mutate.mutate(records, numbers)
            front = numbers if numbers.random() < 0.2 else None
            paths[-1].write_bytes(mutate.put_together(start, header, mutated, front))
        check_agreed(paths)


def main():
    test = sys.argv[1]
    globals()[f"test_{test}"]()
    print(f"{test}: {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

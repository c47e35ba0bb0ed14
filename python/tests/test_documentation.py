"""The documents hold: their programs run, and every public name is described."""

import doctest
import http.server
import inspect
import os
import re
import subprocess
import sys
import threading

import pytest

import bbz
import helpers

DOCUMENT = helpers.PROJECT / "doc" / "python.md"
EXAMPLES = helpers.PROJECT / "examples" / "python"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the model of the documents."""
    helpers.write_safetensors(
        tmp_path / "model.safetensors",
        [("lm_head.weight", "F32", (512, 64), helpers.weights((512, 64), "F32")), ("norm", "F32", (64,), helpers.weights((64,), "F32"))],
        {"format": "pt"},
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def programs(path):
    return re.findall(r"^```python\n(.*?)^```$", path.read_text(), re.S | re.M)


def needs(program):
    """Skips if a program imports what is not installed."""
    for name in re.findall(r"^import (\w+)", program, re.M):
        pytest.importorskip(name, reason=f"{name} is not installed")


def run(program):
    needs(program)
    return helpers.python(program)


def test_the_first_lines_of_the_document(place):
    first = programs(DOCUMENT)[0]
    assert len(first.splitlines()) == 5 and DOCUMENT.read_text().index(first) < 50
    assert run(first) == "lm_head.weight (512, 64)\nnorm (64,)\n"


@pytest.mark.parametrize("number", range(1, len(programs(DOCUMENT))))
def test_the_programs_of_the_document(place, number):
    program = programs(DOCUMENT)[number]
    bbz.pack("model.safetensors", "model.bbz")
    if "patch_safetensors" in program:
        os.remove("model.safetensors")
    if "fsspec" in program:
        program = "import fsspec\nfsspec.register_implementation('bbz', 'bbz._fsspec.ArchiveFileSystem', clobber=True)\n" + program
    said = run(program)
    assert said or "Writer" in program


def test_the_readme(place):
    for program in programs(helpers.PROJECT / "python" / "README.md"):
        run(program)


def public():
    """Returns every public name with what it is: those of bbz, of its modules, and the members of classes."""
    found = {}
    modules = [bbz, bbz.errors, bbz.numpy]
    if helpers.has_torch():
        modules.append(bbz.torch)
    for module in modules:
        for name in getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]:
            if name in ("numpy", "torch"):
                continue
            value = getattr(module, name)
            if getattr(value, "__module__", "").startswith("bbz"):
                found[f"{module.__name__}.{name}"] = value
                if inspect.isclass(value):
                    for member, what in vars(value).items():
                        if not member.startswith("_") and (callable(what) or isinstance(what, property)) and member != "code":
                            found[f"{module.__name__}.{name}.{member}"] = what
    return found


@pytest.mark.parametrize("name", sorted(public()))
def test_every_public_name_is_described(name):
    value = public()[name]
    text = inspect.getdoc(value)
    assert text and len(text) > 20 and not text.startswith("Alias"), name
    assert text.split("\n")[0].endswith((".", ":")), text.split("\n")[0]
    if inspect.isclass(value) and issubclass(value, tuple):
        described = set(re.findall(r"^    (\w+(?:, \w+)*):", text, re.M))
        described = {each for part in described for each in part.split(", ")}
        assert described == set(value._fields), (described, value._fields)
    elif inspect.isfunction(value) and not name.split(".")[-1].startswith("_"):
        parameters = [each for each in inspect.signature(value).parameters.values() if each.name != "self"]
        for parameter in parameters:
            if "Args:" in text:
                assert re.search(rf"\b{parameter.name}\b", text), (name, parameter.name)


def test_doctests(place):
    import numpy

    bbz.pack("model.safetensors", "model.bbz")
    spaces = {"bbz": bbz, "numpy": numpy, **{name: getattr(bbz, name) for name in bbz.__all__ if name not in ("numpy", "torch")}}
    names = ["bbz", "bbz._apply", "bbz._fsspec", "bbz._handles", "bbz._patch", "bbz._safe_open", "bbz._verify", "bbz.archive", "bbz.numpy", "bbz.packing", "bbz.writer"]
    if helpers.has_torch():
        import torch

        names.append("bbz.torch")
        spaces["torch"] = torch
    for part, package in (("_fsspec", "fsspec"), ("_patch", "safetensors")):
        try:
            __import__(package)
        except ImportError:
            names.remove(f"bbz.{part}")
    if "bbz._fsspec" in names:
        import fsspec

        fsspec.register_implementation("bbz", "bbz._fsspec.ArchiveFileSystem", clobber=True)
    attempted = 0
    for name in names:
        result = doctest.testmod(__import__(name, fromlist=["x"]), extraglobs=spaces, verbose=False)
        assert result.failed == 0, name
        attempted += result.attempted
    assert attempted > 15


def test_types():
    pytest.importorskip("mypy", reason="mypy is not installed")
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "-p", "bbz"], cwd=helpers.PROJECT / "python", capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout


class Ranges(http.server.SimpleHTTPRequestHandler):
    """Serves files, and ranges of them."""

    def do_GET(self):
        path = self.translate_path(self.path)
        if not os.path.exists(path):
            self.send_error(404)
            return
        data = open(path, "rb").read()
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first, last = (int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)) if wanted else (0, len(data) - 1)
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        self.wfile.write(data[first : last + 1])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(place):
    """Serves the folder, and returns the beginning of its URLs."""
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ranges)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}/"
    listening.shutdown()
    thread.join()
    listening.server_close()


def test_urls(place, server):
    bbz.pack("model.safetensors", "model.bbz")
    expected = helpers.weights((512, 64), "F32")
    try:
        archive = bbz.Archive(server + "model.bbz")
    except bbz.UnsupportedError as error:
        pytest.skip(f"the library reads no URLs: {error}")
    with archive:
        assert archive.read("lm_head.weight") == expected and archive.rows("lm_head.weight", 3, 1) == expected[768:1024]
        assert archive.open_file("model.safetensors").read()[-256:] == helpers.weights((64,), "F32")
    for name in ("model.bbz", "model.safetensors"):
        with bbz.safe_open(bbz.Url(server + name, headers={"X-Test": "1"}), "np") as f:
            assert f.get_tensor("lm_head.weight").tobytes() == expected
    assert bbz.numpy.load_file(server + "model.bbz")["norm"].shape == (64,)
    bbz.pack("model.safetensors", "leans.bbz", base=server + "model.safetensors")
    for base in (server + "model.bbz", bbz.Url(server + "model.safetensors"), [bbz.Archive(server + "model.bbz")]):
        assert bbz.Archive("leans.bbz", base=base).read("lm_head.weight") == expected
        assert bbz.Archive(server + "leans.bbz", base=base).verify().without_base == 0
    with pytest.raises(bbz.NotFoundError):
        bbz.Archive("leans.bbz", base=server + "absent.bbz").read("norm")
    with pytest.raises(bbz.NotFoundError):
        bbz.Archive(server + "absent.bbz")
    with pytest.raises(bbz.Error):
        bbz.Archive(bbz.Url("http://127.0.0.1:9/model.bbz", retries=0))
    said = helpers.python(
        """
import os, sys, bbz
archive = bbz.Archive(sys.argv[1])
archive.read("norm")
leaning = bbz.Archive("leans.bbz", base=sys.argv[1])
leaning.read("norm")
child = os.fork()
if child == 0:
    try:
        archive.read("norm")
    except bbz.ClosedError as error:
        try:
            os._exit(3 if leaning.read("norm") else 4)
        except bbz.ClosedError:
            pass
        os._exit(0 if "forked" in str(error) and bbz.Archive(sys.argv[1]).read("norm") else 1)
    os._exit(2)
assert os.waitpid(child, 0)[1] == 0
print(len(archive.read("norm")))""",
        server + "model.bbz",
    )
    assert said == "256\n"


def test_examples(place, server):
    bbz.pack("model.safetensors", "model.bbz")
    environment = {**os.environ, "PYTHONPATH": str(helpers.PROJECT / "python")}

    def example(name, *arguments):
        return subprocess.run([sys.executable, EXAMPLES / name, *arguments], capture_output=True, text=True, env=environment)

    if helpers.has_torch():
        assert example("layers.py", "model.bbz").stdout.startswith("no layer: 2 tensors, norm ")
        assert "absent.bbz" in example("layers.py", "absent.bbz").stderr
    weights = bbz.numpy.load_file("model.bbz")
    for step in ("1", "2"):
        base = [f"update{number}.bbz" for number in range(1, int(step))] + ["model.bbz"]
        weights["norm"] += 1
        bbz.numpy.save_file(weights, f"{step}.safetensors.bbz")
        bbz.unpack(f"{step}.safetensors.bbz", "steps")
        bbz.pack(f"steps/{step}.safetensors", f"update{step}.bbz", base=base)
    said = "".join(f"update{step}.bbz: 1 of 2 tensors changed: norm\n" for step in "12")
    assert example("update.py", "model.bbz", "update1.bbz", "update2.bbz").stdout == said
    wrong = example("update.py", "model.bbz", "update2.bbz")
    assert wrong.returncode == 1 and "norm" in wrong.stderr and not wrong.stdout
    assert example("update.py").returncode == 1
    listed = example("stream.py", server + "model.bbz")
    if "libcurl" in listed.stderr:
        pytest.skip(listed.stderr)
    assert listed.stdout == "lm_head.weight F32 [512, 64]\nnorm F32 [64]\n", listed.stderr
    assert example("stream.py", server + "model.bbz", "norm", "0", "2").stdout.startswith("[")
    assert example("stream.py", server + "model.bbz", "absent").returncode == 1
    assert example("stream.py").returncode == 1

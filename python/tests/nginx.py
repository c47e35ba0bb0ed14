"""nginx on loopback, for one test: with its own configuration, folder and log."""

import collections
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

PROGRAM = shutil.which("nginx", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")

CONFIGURATION = """
daemon off; master_process off; worker_processes 1;
pid "{place}/pid"; error_log "{place}/error.log";
events {{ worker_connections 64; }}
http {{
  log_format counted '$status $body_bytes_sent $uri "$http_range"';
  access_log "{place}/access.log" counted;
  client_body_temp_path "{place}/client_body"; proxy_temp_path "{place}/proxy"; fastcgi_temp_path "{place}/fastcgi";
  uwsgi_temp_path "{place}/uwsgi"; scgi_temp_path "{place}/scgi";
  server {{ listen 127.0.0.1:{port}; root "{root}"; location /mark {{ return 204; }} }}
}}
"""

#: A request that nginx has answered: the status, the bytes of the body, and the ranges that were asked for.
Entry = collections.namedtuple("Entry", "status nbytes range")


class Nginx:
    """Serves the files below a folder at a free port, until `close`. `place` is an empty folder for what nginx writes."""

    def __init__(self, root, place):
        self._place, self._marks, self._taken = place, 0, 0
        for _ in range(5):  # another program may take the port
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
            (place / "nginx.conf").write_text(CONFIGURATION.format(root=root, place=place, port=self.port))
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", PROGRAM, "-p", place, "-c", place / "nginx.conf", "-e", place / "error.log"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env={"PATH": os.environ.get("PATH", os.defpath)},  # without a sanitizer's LD_PRELOAD
            )
            while self._process.poll() is None:
                if self._mark():
                    return
                time.sleep(0.01)
        raise RuntimeError(f"nginx does not start: {(place / 'error.log').read_text()}")

    def close(self):
        self._process.terminate()
        self._process.wait(60)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}/{path}"

    def _mark(self):
        """Makes a request that is in the log, and returns its path, or None if nobody answers."""
        self._marks += 1
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(self.url(f"mark-{self._marks}"), timeout=30).close()
        except urllib.error.URLError:
            return None
        return f"/mark-{self._marks}"

    def take_log(self):
        """Returns the requests since the last call, which must be at their end.

        nginx logs a request after its last byte is sent, so that one which has been read may be missing for a moment: one
        more is made and waited for.
        """
        mark = self._mark()
        assert mark is not None, "nginx does not answer"
        for _ in range(12000):
            lines = (self._place / "access.log").read_text().splitlines()
            if any(line.split()[2] == mark for line in lines if line.endswith('"')):
                break
            time.sleep(0.005)
        else:
            raise RuntimeError(f"nginx does not log {mark}")
        new, self._taken = lines[self._taken :], len(lines)
        fields = [line.split(" ", 3) for line in new]
        return [Entry(int(status), int(size), asked) for status, size, uri, asked in fields if not uri.startswith("/mark-")]

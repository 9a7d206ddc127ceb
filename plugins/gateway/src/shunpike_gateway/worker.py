"""One of several processes that answer at one address: started by `workers.py`."""

from __future__ import annotations

import json
import os
import socket
import sys

from shunpike.cli.report import report
from shunpike.errors import ShunpikeError
from shunpike_gateway.event_loop import run_here
from shunpike_gateway.one_process import OneProcess, settings_of


def main(arguments: list[str]) -> int:
    """Serve the socket with the number of the first argument, by the settings of the second; return the exit code."""
    fd, given = int(arguments[0]), json.loads(arguments[1])
    bound = socket.socket(fileno=fd)
    one = OneProcess(bound, lambda: settings_of(given), parent=os.getppid())
    try:
        run_here(one.run)
    except (ShunpikeError, OSError) as error:
        return report(error, as_json=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

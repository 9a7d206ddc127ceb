"""One of several processes that answer at one address: started by `workers.py`."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

from shunpike.cli.report import report
from shunpike.errors import ShunpikeError
from shunpike_gateway.event_loop import run_here
from shunpike_gateway.one_process import OneProcess, settings_of
from shunpike_gateway.ops.shared import Share


def main(arguments: list[str]) -> int:
    """Serve a socket until it is told to end; return the exit code.

    ``arguments`` are the number of the socket, the settings of the command line, and the file of what it counts.
    """
    fd, given = int(arguments[0]), json.loads(arguments[1])
    bound = socket.socket(fileno=fd)
    one = OneProcess(bound, lambda: settings_of(given), parent=os.getppid(), share=Share(Path(arguments[2])))
    try:
        run_here(one.run)
    except (ShunpikeError, OSError) as error:
        return report(error, as_json=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

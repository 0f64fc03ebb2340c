# SPDX-License-Identifier: MIT
# python-daemon with its defaults: start_python.py REPORT_FD HEAP_MIB [stay|empty]. Reports as start.hpp does; "empty" is
# the same program without a daemon.
import os
import signal
import struct
import sys
import time

import daemon

report = int(sys.argv[1])
heap = b"\1" * (int(sys.argv[2]) << 20)
how = sys.argv[3] if len(sys.argv) > 3 else ""
called = time.monotonic_ns()
if how != "empty":
    daemon.DaemonContext(files_preserve=[report], detach_process=True).open()
now = time.monotonic_ns()
os.write(report, struct.pack("qqq", now - called, now, os.getpid()))
if how == "stay":
    signal.pause()

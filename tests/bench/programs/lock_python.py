# SPDX-License-Identifier: MIT
# lock_python.py FILE CYCLES: prints what it takes python-daemon's pid file to be taken and given back, in nanoseconds.
import sys
import time

import daemon.pidfile

cycles = int(sys.argv[2])
began = time.monotonic_ns()
for _ in range(cycles):
    lock = daemon.pidfile.TimeoutPIDLockFile(sys.argv[1])
    lock.acquire()
    lock.release()
print((time.monotonic_ns() - began) / cycles)

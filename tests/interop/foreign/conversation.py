"""A talk with a program that reads commands from its standard input."""
import os
import re
import select
import signal
import subprocess
import time


class Conversation:
    """Both output streams of the program are read as one text, in the order they come."""

    def __init__(self, argv, timeout_s=15, env=None):
        self._timeout_s = timeout_s
        self._program = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, env=env,
                                         start_new_session=True)
        self._fresh = ''        # not yet matched
        self.text = ''          # everything so far

    def send(self, line):
        self._program.stdin.write((line + '\n').encode())
        self._program.stdin.flush()

    def expect(self, pattern):
        """Waits for the pattern in what has come since the last match; returns the match."""
        deadline = time.monotonic() + self._timeout_s
        while True:
            match = re.search(pattern, self._fresh, re.MULTILINE)
            if match:
                self._fresh = self._fresh[match.end():]
                return match
            self._read(deadline, pattern)

    def ask(self, line, pattern):
        self.send(line)
        return self.expect(pattern)

    def end(self):
        """Closes the input, waits for the end; returns the exit code."""
        try:
            self._program.stdin.close()
        except OSError:
            pass                # it has ended already
        code = self._program.wait(self._timeout_s)
        self.text += self._program.stdout.read().decode(errors='replace')
        return code

    def close(self):
        """Ends the program, however it is; for clean-up."""
        if self._program.poll() is None:
            os.killpg(self._program.pid, signal.SIGKILL)
            self._program.wait()
        for stream in (self._program.stdin, self._program.stdout):
            try:
                stream.close()
            except OSError:
                pass

    def _read(self, deadline, pattern):
        out = self._program.stdout
        ready, _, _ = select.select([out], [], [], max(0.0, deadline - time.monotonic()))
        data = os.read(out.fileno(), 65536) if ready else b''
        if not data:
            why = 'it has ended' if ready else f'nothing within {self._timeout_s} s'
            raise AssertionError(f'waited for /{pattern}/: {why}; so far:\n{self.text}')
        more = data.decode(errors='replace')
        self.text += more
        self._fresh += more

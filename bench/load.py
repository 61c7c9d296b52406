"""Runs the load generator and reads what it says."""

import json
import subprocess

import contenders


class LoadFailed(Exception):
    """The load generator ended with an error; the text is what it said."""


def command(mode, server, **options):
    line = [str(contenders.BIN / 'paddock-load'), mode, '--json',
            '--server', f'127.0.0.1:{server.port}']
    if server.process:
        line += ['--server-pid', str(server.process.pid)]
    for key, value in options.items():
        line += ['--' + key.replace('_', '-'), str(value)]
    return line


def run(mode, server, **options):
    """One run of paddock-load against `server`; its JSON answer."""
    line = command(mode, server, **options)
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode != 0:
        log = server.log_tail() if hasattr(server, 'log_tail') else ''
        raise LoadFailed(f'{" ".join(line)}\n{done.stdout}{done.stderr}{log}')
    return json.loads(done.stdout)

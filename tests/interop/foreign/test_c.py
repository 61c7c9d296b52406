"""libzookeeper_mt, Apache's own C client (program in c/), and Debian's cli_mt."""
import subprocess
import unittest

import stage

HEADER = '/usr/include/zookeeper/zookeeper.h'
PROGRAM = stage.BUILD / 'c' / 'client'


@stage.checks_in('c/*.c')
class CClient(stage.ProgramCase):
    @classmethod
    def argv(cls):
        stage.need_files('gcc', '/usr/bin/gcc')
        stage.need_files('libzookeeper-mt-dev', HEADER)
        PROGRAM.parent.mkdir(parents=True, exist_ok=True)
        result = subprocess.run(
            ['gcc', '-std=c17', '-D_GNU_SOURCE', '-DTHREADED', '-O1', '-g', '-pthread', '-Wall',
             '-Wextra', '-Wpedantic', '-Wshadow', '-Werror', '-isystem', '/usr/include/zookeeper',
             '-o', str(PROGRAM)] + [str(p) for p in sorted((stage.HERE / 'c').glob('*.c'))]
            + ['-lzookeeper_mt'], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise AssertionError('gcc:\n' + result.stderr)
        return [str(PROGRAM)]


if __name__ == '__main__':
    unittest.main()

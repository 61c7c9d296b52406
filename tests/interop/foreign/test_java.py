"""Apache's own Java client, and Curator's recipes on top of it (programs in java/)."""
import pathlib
import subprocess
import unittest

import stage

JARS = pathlib.Path('/usr/share/java')
CLASSES = stage.BUILD / 'java'
# Short-lived JVMs: no optimising compiler, small heap.
JAVA = ['java', '-Xshare:auto', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m',
        '-XX:-UsePerfData']


def compiled(sources, jars):
    """Compiles what is in java/; returns the class path."""
    stage.need_files('default-jdk-headless', '/usr/bin/javac')
    folder = CLASSES / '-'.join(jars)
    folder.mkdir(parents=True, exist_ok=True)
    path = ':'.join([str(folder)] + [str(JARS / f'{jar}.jar') for jar in jars])
    result = subprocess.run(['javac', '-Xlint:all,-path,-try', '-Werror', '-d', str(folder),
                             '-cp', path] + [str(s) for s in sources],
                            capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise AssertionError('javac:\n' + result.stdout + result.stderr)
    return path


@stage.checks_in('java/[!C]*Checks.java')
class JavaClient(stage.ProgramCase):
    @classmethod
    def argv(cls):
        stage.need_files('libzookeeper-java', JARS / 'zookeeper.jar')
        sources = [p for p in (stage.HERE / 'java').glob('*.java')
                   if not p.name.startswith('Curator')]
        return JAVA + ['-cp', compiled(sources, ['zookeeper']), 'ApiMain']


@stage.checks_in('java/CuratorChecks.java')
class Curator(stage.ProgramCase):
    @classmethod
    def argv(cls):
        stage.need_files('libcurator-recipes-java', JARS / 'curator-recipes.jar')
        jars = ['curator-recipes', 'curator-framework', 'curator-client', 'guava', 'slf4j-api',
                'jackson-databind', 'zookeeper']
        return JAVA + ['-cp', compiled((stage.HERE / 'java').glob('*.java'), jars),
                       'CuratorMain']


if __name__ == '__main__':
    unittest.main()

#!/usr/bin/env python3
"""House rules that a machine can check: `make tidy`.

Layers (who may include whom), formatting, lengths, names, banned calls, promises left in the text,
a README in every folder.  Prints file:line and what to do; exits with 1 when anything is wrong.

  tidy.py            everything
  tidy.py --fix      formats the sources (what `make format` does) and checks nothing
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Folder -> folders it may include from, besides itself (docs/ARCHITECTURE.md, "Who may include whom").
PURE = ["base", "jute", "proto"]
LAYERS = {
    "base": [],
    "jute": ["base"],
    "proto": ["base", "jute"],
    "core/acl": PURE,
    "core/tree": PURE,
    "core/watch": PURE,
    "core/session": PURE,
    "core/pipe": PURE,
    "core/prep": PURE + ["core/acl", "core/tree", "core/session"],
    "core/store": PURE + ["core/tree"],
    "core/quorum": PURE,
    "core/elect": PURE + ["core/quorum"],
    "core/zab": PURE + ["core/quorum", "core/store"],
    "core/node": PURE + ["core/acl", "core/tree", "core/watch", "core/session", "core/pipe",
                         "core/prep", "core/store", "core/quorum", "core/elect", "core/zab"],
    "client/core": PURE,
    "shell": PURE + ["core/store", "core/node"],
    "server": PURE + ["core/acl", "core/tree", "core/watch", "core/session", "core/store", "core/quorum",
                      "core/node", "shell"],
    "tools": PURE + ["core", "client/core", "shell", "server"],
    "sim": PURE + ["core", "client/core", "shell/compress.h"],
    "bench": PURE + ["core", "client/core", "shell"],
    "tests": PURE + ["core", "client/core", "shell", "server", "sim"],
}
# What pure code may take from the system.  Tests are not bound by it.
PURE_SYSTEM = {"stdint.h", "stddef.h", "stdbool.h", "limits.h", "string.h", "inttypes.h"}
# Libraries that stand behind base/, and what base's own plumbing needs.
BASE_SYSTEM = PURE_SYSTEM | {"stdarg.h", "stdio.h", "stdlib.h", "zlib.h", "openssl/evp.h", "immintrin.h",
                             "wmmintrin.h", "cpuid.h"}
BANNED = {
    "strcpy": "memcpy with a known length", "strcat": "pdk_put_text", "sprintf": "snprintf",
    "vsprintf": "vsnprintf", "gets": "a bounded read", "atoi": "a parser that reports errors",
    "atol": "a parser that reports errors", "alloca": "an arena or the heap",
    "strtok": "a bounded reader", "rand": "pdk_prng", "srand": "pdk_prng",
    "localtime": "localtime_r", "gmtime": "gmtime_r", "sleep": "a deadline",
    "usleep": "a deadline",
}
MAX_LINE, MAX_FILE, MAX_FUNCTION = 100, 800, 75
PROMISE = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

faults = []


def fault(path, line, text):
    faults.append(f"{os.path.relpath(path, ROOT)}:{line}: {text}")


def sources(ending=(".c", ".h")):
    for top in ("src", "sim", "bench", "tests", "examples"):
        for folder, dirs, files in os.walk(os.path.join(ROOT, top)):
            dirs[:] = sorted(d for d in dirs if d not in ("node_modules", "__pycache__", "golden"))
            for name in sorted(files):
                if name.endswith(ending):
                    yield os.path.join(folder, name)


def layer_of(path):
    rel = os.path.relpath(path, ROOT)
    parts = rel.split(os.sep)
    if parts[0] == "src":
        parts = parts[1:]
        if parts[0] in ("core", "client"):
            return "/".join(parts[:2])
    return parts[0]


def is_test(path):
    return path.endswith(("_test.c", "_fuzz.c")) or "/tests/" in path or "/testing" in path


def check_includes(path, lines):
    layer = layer_of(path)
    if layer not in LAYERS:
        fault(path, 1, f"folder {layer} has no row in tools/tidy/tidy.py: say who it may include")
        return
    allowed = LAYERS[layer] + [layer] + (["sim", "core", "shell"] if is_test(path) else [])
    pure = layer.startswith("core/") or layer in ("jute", "proto", "client/core")
    for number, line in enumerate(lines, 1):
        own = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        system = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
        if own:
            target = own.group(1)
            same_folder = "/" not in target and layer == "tests"
            if not same_folder and not any(target == a or target.startswith(a + "/")
                                           for a in allowed):
                fault(path, number, f"{layer} must not include {target}")
        elif system and not is_test(path):
            limit = PURE_SYSTEM if pure else BASE_SYSTEM if layer == "base" else None
            if limit is not None and system.group(1) not in limit:
                fault(path, number, f"{layer} is pure: <{system.group(1)}> is not for it")


def strip_comments(text):
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    text = re.sub(r"/\*.*?\*/", blank, text, flags=re.S)
    text = re.sub(r'"(\\.|[^"\\\n])*"', lambda m: '"' + " " * (len(m.group(0)) - 2) + '"', text)
    return re.sub(r"//[^\n]*", blank, text)


def check_text(path, text, lines):
    generated = "generated" in "\n".join(lines[:5]).lower()
    code = strip_comments(text)
    if len(lines) > MAX_FILE and not generated:
        fault(path, len(lines), f"{len(lines)} lines: more than {MAX_FILE}, split it by concern")
    for number, line in enumerate(lines, 1):
        if "\t" in line:
            fault(path, number, "tab")
        if len(line) > MAX_LINE:
            fault(path, number, f"{len(line)} columns: more than {MAX_LINE}")
        if PROMISE.search(line):
            fault(path, number, "a promise for later: do it, or say it in the README's list")
    for match in [] if is_test(path) else re.finditer(r"\b(" + "|".join(BANNED) + r")\s*\(", code):
        number = code.count("\n", 0, match.start()) + 1
        fault(path, number, f"{match.group(1)}: use {BANNED[match.group(1)]}")
    if not generated:
        check_functions(path, code)


def check_functions(path, code):
    start = None
    for number, line in enumerate(code.split("\n"), 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start is not None:
            if line == "}" and number - start - 1 > MAX_FUNCTION:
                fault(path, start, f"a function of {number - start - 1} lines: more than {MAX_FUNCTION}")
            start = None


def check_header(path, text):
    if not path.startswith(os.path.join(ROOT, "src")) or not path.endswith(".h"):
        return
    code = strip_comments(text)
    for match in re.finditer(r"^(?!static|typedef|#|extern|_Static)[A-Za-z_][\w \*]*?\b(\w+)\(", code, re.M):
        name = match.group(1)
        if not name.startswith(("pdk_", "PDK_", "__")) and name not in ("enum", "struct"):
            number = code.count("\n", 0, match.start()) + 1
            fault(path, number, f"{name}: public names start with pdk_")


def check_readmes():
    for top in ("src", "sim", "bench", "tests"):
        for folder, dirs, files in os.walk(os.path.join(ROOT, top)):
            dirs[:] = [d for d in dirs if d not in ("node_modules", "__pycache__", "golden", "corpus",
                                                    "testdata")]
            if any(f.endswith((".c", ".h")) for f in files) and "README.md" not in files:
                if not any(os.path.exists(os.path.join(p, "README.md"))
                           for p in parents(folder, 2 if top != "src" else 1)):
                    fault(os.path.join(folder, "README.md"), 1, "missing: what is here, and why")


def parents(folder, depth):
    for _ in range(depth):
        folder = os.path.dirname(folder)
        yield folder


def check_words():
    """Nothing in the tree names the place where it was made."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True)
    secret = re.compile(r"/work/(main|shared|\.)|registry\.npmjs\.org|deb\.debian\.org")
    for name in listed.stdout.split("\0"):
        path = os.path.join(ROOT, name)
        if not name or not os.path.isfile(path) or name.startswith("tools/tidy/"):
            continue
        if os.path.getsize(path) > 1 << 20 or "golden" in name:
            continue
        try:
            with open(path, encoding="utf-8") as f:
                for number, line in enumerate(f, 1):
                    if secret.search(line):
                        fault(path, number, "names a place of one machine")
        except UnicodeDecodeError:
            continue


def clang_format(paths, fix):
    tool = next((t for t in ("clang-format-14", "clang-format")
                 if subprocess.run(["which", t], capture_output=True).returncode == 0), None)
    if tool is None:
        fault(os.path.join(ROOT, ".clang-format"), 1, "clang-format is not installed")
        return
    version = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout
    if "version 14." not in version:
        fault(os.path.join(ROOT, ".clang-format"), 1, f"clang-format 14 is wanted, not {version}")
        return
    if fix:
        subprocess.run([tool, "-i", *paths], check=True)
        return
    out = subprocess.run([tool, "--dry-run", "-Werror", *paths], capture_output=True, text=True)
    for path in sorted({m for m in re.findall(r"^(.+?):\d+:\d+: error", out.stderr, re.M)}):
        fault(path, 1, "not formatted: make format")


def main():
    paths = list(sources())
    if "--fix" in sys.argv:
        clang_format(paths, True)
        return 0
    for path in paths:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        lines = text.split("\n")
        check_includes(path, lines)
        check_text(path, text, lines)
        check_header(path, text)
    check_readmes()
    check_words()
    clang_format(paths, False)
    for line in faults:
        print(line)
    print(f"tidy: {len(paths)} sources, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Makes src/jute/records.h and records.c from src/jute/paddock.schema.

    jute.py            writes both files
    jute.py --check    writes nothing; exits 1 when one of them is stale

Records of fixed size get one bounds check and inline code; all others are read and written field
by field.  The output follows .clang-format by construction.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "src/jute/paddock.schema"
WIDTH = 100

#          C type, bytes, load expression, store call
SCALARS = {
    "byte": ("int8_t", 1, "(int8_t)p[{at}]", "p[{at}] = (uint8_t)in->{f};"),
    "boolean": ("bool", 1, "p[{at}] != 0", "p[{at}] = in->{f} ? 1 : 0;"),
    "int": ("int32_t", 4, "(int32_t)pdk_load_u32({p})", "pdk_store_u32({p}, (uint32_t)in->{f});"),
    "long": ("int64_t", 8, "(int64_t)pdk_load_u64({p})", "pdk_store_u64({p}, (uint64_t)in->{f});"),
}
READ_ONE = {
    "byte": "(int8_t)pdk_read_u8(r)",
    "boolean": "pdk_read_bool(r)",
    "int": "pdk_read_i32(r)",
    "long": "pdk_read_i64(r)",
    "ustring": "pdk_read_bytes(r)",
    "buffer": "pdk_read_bytes(r)",
}
PUT_ONE = {
    "byte": "pdk_put_u8(b, (uint8_t)in->{f});",
    "boolean": "pdk_put_bool(b, in->{f});",
    "int": "pdk_put_i32(b, in->{f});",
    "long": "pdk_put_i64(b, in->{f});",
    "ustring": "pdk_put_bytes(b, in->{f});",
    "buffer": "pdk_put_bytes(b, in->{f});",
}
BYTES = ("ustring", "buffer")
# Names that are one word in the protocol's own language.
WHOLE_WORDS = {"CVersion": "Cversion"}


class SchemaError(Exception):
    pass


def snake(name):
    """parentCVersion -> parent_cversion, CreateTTLTxn -> create_ttl_txn, WhoAmI -> who_am_i."""
    for word, plain in WHOLE_WORDS.items():
        name = name.replace(word, plain)
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


class Field:
    def __init__(self, name, kind, optional):
        self.name, self.kind, self.optional = name, kind, optional
        self.c_name = snake(name)
        match = re.fullmatch(r"vector<(\w+)>", kind)
        self.element = match.group(1) if match else None


class Record:
    def __init__(self, name, comment):
        self.name, self.comment, self.fields = name, comment, []
        self.c_name = snake(name)

    def struct(self):
        return f"struct pdk_{self.c_name}"

    def macro(self):
        return f"PDK_{self.c_name.upper()}_LEN"


class Schema:
    def __init__(self, text):
        self.records = {}
        record, comment = None, []
        for number, line in enumerate(text.splitlines(), 1):
            try:
                if not line.strip():
                    record, comment = None, []
                elif line.startswith("#"):
                    comment.append(line[1:].strip())
                elif line.startswith("record "):
                    record = self.add_record(line.split()[1], comment)
                else:
                    self.add_field(record, line)
            except SchemaError as error:
                raise SchemaError(f"{SCHEMA.name}:{number}: {error}") from None

    def add_record(self, name, comment):
        if name in self.records:
            raise SchemaError(f"record {name} is there twice")
        record = self.records[name] = Record(name, comment)
        return record

    def add_field(self, record, line):
        words = line.split()
        if record is None or len(words) != 2 or not line.startswith("    "):
            raise SchemaError("expected '    field type' below a record")
        if record.fields and record.fields[-1].optional:
            raise SchemaError("an optional field must be last")
        optional = words[1].endswith("?")
        field = Field(words[0], words[1].rstrip("?"), optional)
        if optional and field.kind != "boolean":
            raise SchemaError("only a boolean can be optional")
        known = set(READ_ONE) | {n for n in self.records if n != record.name}
        if (field.element or field.kind) not in known:
            raise SchemaError(f"unknown type {words[1]}")
        if field.element in READ_ONE and field.element != "ustring":
            raise SchemaError(f"no reader for {field.kind}")
        record.fields.append(field)

    def fixed(self, record):
        """The number of bytes when it is the same for every value, or None."""
        total = 0
        for field in record.fields:
            if field.kind in SCALARS and not field.optional:
                total += SCALARS[field.kind][1]
            elif field.kind in self.records and self.fixed(self.records[field.kind]) is not None:
                total += self.fixed(self.records[field.kind])
            else:
                return None
        return total

    def smallest(self, kind):
        """The fewest bytes that a value of this type takes."""
        if kind in SCALARS:
            return SCALARS[kind][1]
        if kind in self.records:
            return sum(self.smallest(f.kind) for f in self.records[kind].fields if not f.optional)
        return 4

    def vec_elements(self):
        """Records that stand in vectors, in schema order."""
        used = {f.element for r in self.records.values() for f in r.fields}
        return [r for r in self.records.values() if r.name in used]


def signature(head, params, tail):
    """A function's first line(s), wrapped after a comma as clang-format does."""
    one = f"{head}({', '.join(params)}){tail}"
    if len(one) <= WIDTH:
        return [one]
    pad = " " * (len(head) + 1)
    lines = [f"{head}({params[0]},", f"{pad}{params[1]}){tail}"]
    if max(map(len, lines)) <= WIDTH:
        return lines
    return [f"{head}(", f"    {', '.join(params)}){tail}"]


def read_signature(record, tail, head="void"):
    return signature(f"{head} pdk_read_{record.c_name}",
                     ["struct pdk_reader *r", f"{record.struct()} *out"], tail)


def put_signature(record, tail, head="void"):
    return signature(f"{head} pdk_put_{record.c_name}",
                     ["struct pdk_buf *b", f"const {record.struct()} *in"], tail)


def struct_lines(schema, record):
    lines = []
    if record.comment:
        lines += [f"/* {' '.join(record.comment)} */"]
    lines += [f"{record.struct()} {{"]
    for field in record.fields:
        if field.element:
            lines.append(f"    struct pdk_vec {field.c_name}; /* of {field.element} */")
        elif field.kind in SCALARS:
            lines.append(f"    {SCALARS[field.kind][0]} {field.c_name};")
        elif field.kind in BYTES:
            lines.append(f"    struct pdk_slice {field.c_name};")
        else:
            lines.append(f"    {schema.records[field.kind].struct()} {field.c_name};")
        if field.optional:
            lines.append(f"    bool has_{field.c_name}; /* was there, or is to be written */")
    return align_comments(lines) + ["};"]


def align_comments(lines):
    """Puts trailing comments of neighbouring lines below each other."""
    out, start = list(lines), 0
    while start < len(out):
        end = start
        while end < len(out) and " /* " in out[end][1:]:
            end += 1
        if end > start:
            parts = [line.split(" /* ", 1) for line in out[start:end]]
            column = max(len(code) for code, _ in parts)
            out[start:end] = [f"{code.ljust(column)} /* {note}" for code, note in parts]
        start = max(end, start + 1)
    return out


def flat(schema, record, at=0, prefix=""):
    """(offset, C access path, scalar type) of a fixed-size record."""
    for field in record.fields:
        path = prefix + field.c_name
        if field.kind in SCALARS:
            yield at, path, field.kind
            at += SCALARS[field.kind][1]
        else:
            inner = schema.records[field.kind]
            yield from flat(schema, inner, at, path + ".")
            at += schema.fixed(inner)


def inline_lines(schema, record):
    lines = read_signature(record, "", "static inline void") + ["{"]
    lines += [f"    const uint8_t *p = pdk_reader_take(r, {record.macro()});",
              "    if (PDK_UNLIKELY(p == NULL)) {",
              f"        *out = ({record.struct()}){{0}};",
              "        return;",
              "    }"]
    for at, path, kind in flat(schema, record):
        value = SCALARS[kind][2].format(at=at, p=f"p + {at}" if at else "p")
        lines.append(f"    out->{path} = {value};")
    lines += ["}"] + put_signature(record, "", "static inline void") + ["{"]
    lines += [f"    uint8_t *p = pdk_buf_add(b, {record.macro()});",
              "    if (PDK_UNLIKELY(p == NULL)) return;"]
    for at, path, kind in flat(schema, record):
        lines.append("    " + SCALARS[kind][3].format(at=at, f=path, p=f"p + {at}" if at else "p"))
    return lines + ["}"]


def read_line(schema, field):
    if field.element:
        name = "ustring" if field.element == "ustring" else schema.records[field.element].c_name
        return f"    out->{field.c_name} = pdk_read_{name}_vec(r);"
    if field.kind in READ_ONE:
        return f"    out->{field.c_name} = {READ_ONE[field.kind]};"
    return f"    pdk_read_{schema.records[field.kind].c_name}(r, &out->{field.c_name});"


def put_line(schema, field):
    if field.element:
        return f"    pdk_put_vec(b, &in->{field.c_name});"
    if field.optional:
        return f"    if (in->has_{field.c_name}) {PUT_ONE[field.kind].format(f=field.c_name)}"
    if field.kind in PUT_ONE:
        return "    " + PUT_ONE[field.kind].format(f=field.c_name)
    return f"    pdk_put_{schema.records[field.kind].c_name}(b, &in->{field.c_name});"


def body_lines(schema, record):
    lines = read_signature(record, "") + ["{"]
    for field in record.fields:
        if field.optional:
            lines.append(f"    out->has_{field.c_name} = !r->failed && pdk_reader_left(r) > 0;")
            lines.append(f"    out->{field.c_name} = "
                         f"out->has_{field.c_name} && {READ_ONE[field.kind]};")
        else:
            lines.append(read_line(schema, field))
    lines += [f"    if (r->failed) *out = ({record.struct()}){{0}};", "}", ""]
    lines += put_signature(record, "") + ["{"]
    lines += [put_line(schema, f) for f in record.fields]
    return lines + ["}"]


def vec_lines(schema, record):
    return [f"struct pdk_vec pdk_read_{record.c_name}_vec(struct pdk_reader *r)", "{",
            "    struct pdk_vec v = {0};",
            f"    v.count = pdk_read_count(r, {schema.smallest(record.name)}, &v.is_null);",
            "    const uint8_t *start = r->at;",
            "    for (int32_t i = 0; i < v.count && !r->failed; i++) {",
            f"        {record.struct()} element;",
            f"        pdk_read_{record.c_name}(r, &element);",
            "    }",
            "    if (r->failed) return (struct pdk_vec){0};",
            "    v.body = pdk_slice_of(start, (size_t)(r->at - start));",
            "    return v;", "}"]


HEADER_TOP = """\
/* jute/records.h - the records of the protocol and of the files.
 *
 * Generated by tools/gen/jute.py from paddock.schema; change that, not this.
 *
 * pdk_read_X: slices and vectors point into the reader's input.  When the reader fails, or had
 * failed before, `out` is zeroed.  Bytes after the record are left to the caller.
 * pdk_put_X: appends the record; failures show in the buffer.
 * PDK_X_LEN: encoded bytes of a record whose size never changes. */
#ifndef PDK_JUTE_RECORDS_H
#define PDK_JUTE_RECORDS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/reader.h"
#include "jute/vec.h"
"""
SOURCE_TOP = """\
/* Generated by tools/gen/jute.py from paddock.schema; change that, not this. */
#include "jute/records.h"
"""


def header(schema):
    elements = schema.vec_elements()
    lines = [HEADER_TOP]
    for record in schema.records.values():
        size = schema.fixed(record)
        lines += struct_lines(schema, record)
        if size is not None:
            lines += [f"#define {record.macro()} {size}"] + inline_lines(schema, record)
        else:
            lines += read_signature(record, ";") + put_signature(record, ";")
        if record in elements:
            lines.append(f"struct pdk_vec pdk_read_{record.c_name}_vec(struct pdk_reader *r);")
        lines.append("")
    lines += ["/* X(name) for every record: tests and fuzzers leave none out. */",
              "#define PDK_EACH_RECORD(X) \\"]
    lines += [f"    X({record.c_name}) \\" for record in schema.records.values()]
    lines[-1] = lines[-1].removesuffix(" \\")
    return "\n".join(lines + ["", "#endif", ""])


def source(schema):
    elements = schema.vec_elements()
    lines = [SOURCE_TOP]
    for record in schema.records.values():
        if schema.fixed(record) is None:
            lines += body_lines(schema, record) + [""]
        if record in elements:
            lines += vec_lines(schema, record) + [""]
    return "\n".join(lines[:-1] + [""])


def main(args):
    if args not in ([], ["--check"]):
        sys.stderr.write(__doc__)
        return 2
    try:
        schema = Schema(SCHEMA.read_text())
    except SchemaError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    stale = 0
    for name, text in (("records.h", header(schema)), ("records.c", source(schema))):
        path = SCHEMA.with_name(name)
        if path.exists() and path.read_text() == text:
            continue
        stale = 1
        if args:
            sys.stderr.write(f"{path.relative_to(ROOT)} is stale: run tools/gen/jute.py\n")
        else:
            path.write_text(text)
    return stale if args else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

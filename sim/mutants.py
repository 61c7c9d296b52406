#!/usr/bin/python3
"""Planted bugs that the simulator has to find: `make mutants`.

  mutants.py [--seeds N] [--seconds S] [NAME...]     all, or only these

Each mutant is a small change of one shipped source.  The changed file alone is compiled, linked in
front of the libraries of the release build, and seeds are run until one fails.  A mutant that
lives through its budget, or whose text is not there any more, is a failure: a checker that finds
no planted bug is not a checker.
"""
import argparse
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CC = os.environ.get("CC", "gcc")
FLAGS = ["-std=c17", "-D_GNU_SOURCE", "-DPDK_VERSION=\"mutant\"", "-I.", "-Isrc", "-g", "-O1", "-w",
         "-pthread"]
LIBS = ["-lcrypto", "-lz", "-lsnappy", "-pthread"]

ZAB, NODE, STORE = "src/core/zab/", "src/core/node/", "src/core/store/"

# name, what is wrong then, file, [(text, what stands there instead)]
MUTANTS = [
    # ---- acks and commits ----
    ("ack-before-sync", "a follower acks what is not on its disk yet",
     ZAB + "learner_packet.c",
     [("pdk_zxid to = l->durable < l->seen ? l->durable : l->seen;", "pdk_zxid to = l->seen;")]),
    ("newleader-acked-before-sync", "what NEWLEADER covers is not durable when it is acked (4646)",
     ZAB + "learner.c",
     [("if (l->state != SECURING || l->durable < l->covered) return;",
       "if (l->state != SECURING) return;")]),
    ("leader-counts-itself-early", "the leader counts its own log before it is durable",
     ZAB + "leader_broadcast.c",
     [("count = add_sorted(list, count, l->durable, l->config.me);",
       "count = add_sorted(list, count, l->proposed, l->config.me);")]),
    ("commit-without-quorum", "the first ack commits",
     ZAB + "leader_broadcast.c",
     [("if (pdk_members_quorum(m, &have)) return list[i].zxid;", "return list[i].zxid;")]),
    ("commit-at-proposal", "a follower applies what is only proposed",
     ZAB + "learner_packet.c",
     [("case PDK_Q_PROPOSAL: (void)propose(l, p->zxid, p->data); return;",
       "case PDK_Q_PROPOSAL: if (propose(l, p->zxid, p->data)) (void)commit(l, p->zxid); return;"),
      ("case PDK_Q_COMMIT: (void)commit(l, p->zxid); return;", "case PDK_Q_COMMIT: return;")]),
    ("established-too-early", "a term begins when learners are sent what they lack, not when they "
     "have acked it", ZAB + "leader_phases.c",
     [("if (p->step == STEP_ACKED && !looks_on) pdk_sids_add(&acks, p->sid);",
       "if (p->step >= STEP_SYNC && !looks_on) pdk_sids_add(&acks, p->sid);")]),
    ("diff-with-a-hole", "the second of the transactions that a learner lacks is left out",
     ZAB + "leader_sync.c",
     [("    for (size_t i = from; i < until; i++) {\n        const struct pdk_history_entry *e",
       "    for (size_t i = from; i < until; i++) {\n        if (i == from + 1) continue;\n"
       "        const struct pdk_history_entry *e")]),
    # ---- epochs and elections ----
    ("epoch-promised-before-stored", "a learner acks an epoch that it has not stored",
     ZAB + "learner.c",
     [("    pdk_learner_add(l, PDK_ZAB_STORE_ACCEPTED)->epoch = epoch;\n    l->state = ACCEPTING;\n",
       "    pdk_learner_add(l, PDK_ZAB_STORE_ACCEPTED)->epoch = epoch;\n"
       "    l->accepted = epoch;\n    ack_epoch(l, true);\n")]),
    ("epoch-renamed-unsynced", "the name of an epoch's file is not made durable",
     STORE + "epochs.c",
     [("    return pdk_fs_sync_dir(store->vfs, folder, diag);\n", "    return PDK_OK;\n")]),
    ("epoch-claimed-early", "the current epoch is claimed before its history is there (4643)",
     ZAB + "learner_packet.c",
     [("    l->covered = l->last;\n    l->state = SECURING;\n",
       "    l->covered = 0;\n    l->state = SECURING;\n")]),
    ("epoch-shown-unsynced", "an epoch is read that only the page cache holds",
     STORE + "epochs.c",
     [("    if (err == PDK_OK) err = pdk_fs_sync_dir(store->vfs, store->data_path.text, diag);\n", "")]),
    ("elected-by-one", "an election is decided without a quorum", "src/core/elect/elect.c",
     [("    return pdk_quorum_of_both(e->committed, e->last_seen, agreeing);\n}\n\nstatic struct "
       "pdk_statement my_statement", "    return true;\n}\n\nstatic struct pdk_statement my_statement")]),
    ("vote-without-zxid", "elections do not look at zxids", "src/core/elect/votes.c",
     [("    if (a->zxid != b->zxid) return a->zxid > b->zxid;\n", "")]),
    ("wiser-learner-taken", "a leader goes on though a learner knows more",
     ZAB + "leader_phases.c",
     [('if (knows_more(l, current, p->last)) return refuse(l, p, "it knows more than we do");', "")]),
    ("epoch-not-raised", "a new leader takes an epoch that is taken", ZAB + "leader_phases.c",
     [("    l->epoch++;\n    store(l, PDK_ZAB_STORE_ACCEPTED);",
       "    if (l->epoch < 2) l->epoch++;\n    store(l, PDK_ZAB_STORE_ACCEPTED);")]),
    ("rolls-over-too-early", "a roll-over does not wait for what is outstanding",
     NODE + "rollover.c",
     [("    if (n->proposal_count > 0 || m->announced <", "    if (m->announced <")]),
    # ---- synchronisation and disks ----
    ("truncation-left-out", "a learner keeps what it was told to forget",
     ZAB + "learner_packet.c",
     [("    pdk_learner_add(l, PDK_ZAB_TRUNCATE)->zxid = zxid;\n    l->state = LOADING;\n",
       "    stand_at(l, zxid);\n    l->last = zxid;\n    l->told = -1;\n    l->state = FILLING;\n")]),
    ("truncated-one-short", "a truncation leaves one transaction too many", STORE + "resync.c",
     [("if (err != PDK_OK || c.last > zxid) break;", "if (err != PDK_OK || c.last > zxid + 1) break;"),
      ("c->open && c->last > zxid ? c->reader.offset", "c->open && c->last > zxid + 1 ? c->reader.offset")]),
    ("old-log-survives-snap", "logs from before a snapshot that was installed stay",
     STORE + "journal.c",
     [("    if (err == PDK_OK) err = remove_above(store, &store->log_path, PDK_FILE_LOG, -1, NULL, diag);\n"
       "    if (err == PDK_OK)\n        err = remove_above(store, &store->data_path, PDK_FILE_SNAPSHOT, -1",
       "    if (err == PDK_OK)\n        err = remove_above(store, &store->data_path, PDK_FILE_SNAPSHOT, -1")]),
    ("log-not-synced", "the log is reported durable without a sync", STORE + "logwrite.c",
     [("    enum pdk_err err = sync_log(store, diag);\n    if (err != PDK_OK) {\n"
       "        store->log_failed = true;",
       "    enum pdk_err err = PDK_OK;\n    if (err != PDK_OK) {\n        store->log_failed = true;")]),
    ("spool-not-synced", "a snapshot that was installed is not synced", STORE + "spool.c",
     [("if (err == PDK_OK) err = pdk_file_sync(&s->to.file, &s->why);", "")]),
    ("purge-takes-needed-logs", "a purge keeps the newest log only", STORE + "purge.c",
     [("if (log->kind == PDK_FILE_LOG && log->zxid <= oldest) needed = log->zxid;",
       "if (log->kind == PDK_FILE_LOG) needed = log->zxid;")]),
    # ---- sessions ----
    ("session-moves-unseen", "requests of a connection that its session has left are carried out (710)",
     NODE + "lead.c",
     [("return e->owner == owner ? PDK_CODE_OK : PDK_CODE_SESSION_MOVED;", "return PDK_CODE_OK;")]),
    ("sessions-not-armed-anew", "a new leader does not give sessions their full timeout",
     NODE + "member.c",
     [("    pdk_sessions_arm_all(n->state->sessions, n->now.mono_ms);\n    n->next_container_check_ms",
       "    n->next_container_check_ms")]),
    ("touches-dropped", "what clients say to followers does not keep their sessions alive",
     NODE + "lead.c",
     [("        if (entry != NULL)\n            pdk_sessions_touch(n->state->sessions, entry, "
       "n->now.mono_ms, timeout_ms);\n", "        (void)entry;\n")]),
    ("ephemerals-stay", "a session ends and leaves an ephemeral", NODE + "state.c",
     [("    while ((id = pdk_tree_ephemeral_first(s->tree, a->header->client_id)) != PDK_ZNODE_NONE) {",
       "    while (false) {"),
      ("    for (int32_t i = 0; i < txn.paths2_delete.count; i++) {\n        struct pdk_slice path",
       "    for (int32_t i = 0; i + 1 < txn.paths2_delete.count; i++) {\n        struct pdk_slice path")]),
    # ---- what clients see ----
    ("another-request-answered", "a learner answers the first request that waits, whichever commits",
     NODE + "commit.c",
     [("head->kind == PDK_PIPE_WRITE && head->xid == header->cxid;",
       "head->kind == PDK_PIPE_WRITE;")]),
    ("sync-without-quorum", "a deposed leader answers sync", NODE + "lead.c",
     [("    barrier.round = pdk_leader_confirm(n->member->leader, n->now.mono_ms);\n",
       "    barrier.round = 0;\n")]),
    ("time-goes-back", "a client that has seen more than the server is let in", NODE + "conn.c",
     [("    if (req.last_zxid_seen > n->state->last_zxid) {", "    if (false) {")]),
    ("missed-change-untold", "setWatches does not tell of data that has changed",
     NODE + "watches.c",
     [("    else if (stat.mzxid > u->since)", "    else if (false)")]),
]


def run(command, **options):
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", **options)


def build(name, path, changes):
    """The mutated simulator, or None with what went wrong."""
    folder = os.path.join(ROOT, "build/mutants")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        text = f.read()
    for old, new in changes:
        if text.count(old) != 1:
            return None, f"its text stands {text.count(old)} times in {path}: {old.strip()[:60]}"
        text = text.replace(old, new)
    source = os.path.join(folder, name + ".c")
    with open(source, "w", encoding="utf-8") as f:
        f.write(text)
    obj, binary = source[:-2] + ".o", source[:-2]
    done = run([CC, *FLAGS, "-c", source, "-o", obj])
    if done.returncode == 0:
        done = run([CC, "-o", binary, "build/obj/sim/main.o", obj, "build/libsim.a",
                    "build/libpaddock.a", *LIBS])
    return (binary, "") if done.returncode == 0 else (None, done.stdout[-2000:])


def hunt(binary, options):
    """(runs, seed, what was found) or None.  A seed that fails without the mutant, too, proves
    nothing: the hunt goes on behind it."""
    first, started = 1, time.monotonic()
    while first <= options.seeds:
        left = int(options.seconds - (time.monotonic() - started))
        if left <= 0:
            return None
        done = run([binary, "--quiet", f"--from={first}", f"--seeds={options.seeds - first + 1}",
                    f"--seconds={left}"])
        failed = re.search(r"^FAILED seed (\d+): (.*)$", done.stdout, re.M)
        if failed is None:
            return None
        if run(["build/bin/sim", failed.group(1)]).returncode == 0:
            return failed.group(1), failed.group(2)[:110]
        first = int(failed.group(1)) + 1
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3000)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    made = run(["make", "-s", "build/bin/sim"])
    if made.returncode != 0:
        sys.exit(made.stdout)
    known = {m[0] for m in MUTANTS}
    for name in options.names:
        if name not in known:
            sys.exit(f"mutants.py: no mutant {name}; there are: {' '.join(sorted(known))}")
    found = lived = 0
    for name, why, path, changes in MUTANTS:
        if options.names and name not in options.names:
            continue
        started = time.monotonic()
        binary, fault = build(name, path, changes)
        result = hunt(binary, options) if binary else None
        took = time.monotonic() - started
        if result:
            found += 1
            print(f"ok   {name}: {why}\n     seed {result[0]}, {took:.0f} s: {result[1]}", flush=True)
        else:
            lived += 1
            print(f"FAIL {name}: {why}\n     {fault or f'not found in {options.seeds} seeds, {took:.0f} s'}",
                  flush=True)
    print(f"{found} passed, {lived} failed")
    return 1 if lived else 0


if __name__ == "__main__":
    sys.exit(main())

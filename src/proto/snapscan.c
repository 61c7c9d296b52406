/* A small machine: each step gathers the few bytes that decide something, then says how many that
 * decide nothing are to be passed over. */
#include "proto/snapscan.h"

#include "base/reader.h"

#include <string.h>

#define SESSION_BYTES 12    /* id, timeout */
#define ZNODE_TAIL_BYTES 68 /* ACL id, stat */
static const uint8_t signature[14] = {0,   0,   0,   10,  'B', 'e', 'n',
                                      'W', 'a', 's', 'H', 'e', 'r', 'e'};

enum step {
    STEP_SESSIONS,  /* count */
    STEP_ACLS,      /* count */
    STEP_LIST,      /* id, count of entries */
    STEP_SCHEME,    /* permissions, length */
    STEP_ID,        /* length */
    STEP_PATH,      /* length */
    STEP_ONE_BYTE,  /* a path of one byte: is it "/"? */
    STEP_DATA,      /* length */
    STEP_SIGNATURE, /* no more body */
};

static size_t wanted(enum step step)
{
    switch (step) {
    case STEP_LIST: return 12;
    case STEP_SCHEME: return 8;
    case STEP_ONE_BYTE: return 1;
    case STEP_SIGNATURE: return sizeof signature;
    case STEP_SESSIONS:
    case STEP_ACLS:
    case STEP_ID:
    case STEP_PATH:
    case STEP_DATA: return 4;
    }
    PDK_UNREACHABLE();
}

void pdk_snapscan_init(struct pdk_snapscan *s, size_t max_entry_bytes)
{
    *s = (struct pdk_snapscan){.max_entry_bytes = max_entry_bytes, .step = STEP_SESSIONS};
}

/* The number in the last 4 bytes gathered; `least` is the smallest that can be. */
static int32_t number(struct pdk_snapscan *s, int32_t least)
{
    int32_t n = (int32_t)pdk_load_u32(s->partial + s->have - 4);
    if (n < least) s->failed = true;
    return n;
}

/* A length: as many bytes are passed over (null: none). */
static void pass(struct pdk_snapscan *s, int32_t least)
{
    int32_t len = number(s, least);
    if (len > 0 && (size_t)len > s->max_entry_bytes) s->failed = true;
    s->skip = !s->failed && len > 0 ? (uint64_t)len : 0;
}

static void count_list_bytes(struct pdk_snapscan *s, uint64_t len)
{
    /* Cannot overflow: both are at most max_entry_bytes and a length on the wire. */
    s->list_bytes += (size_t)len;
    if (s->list_bytes > s->max_entry_bytes) s->failed = true;
}

static enum step next_list(const struct pdk_snapscan *s)
{
    return s->acls_left > 0 ? STEP_LIST : STEP_PATH;
}

static enum step begin_list(struct pdk_snapscan *s)
{
    s->acls_left--;
    s->entries_left = number(s, -1);
    s->list_bytes = 0;
    count_list_bytes(s, 4);
    return s->entries_left > 0 ? STEP_SCHEME : next_list(s);
}

static enum step pass_text(struct pdk_snapscan *s, enum step step)
{
    pass(s, -1);
    count_list_bytes(s, s->have + s->skip);
    if (step == STEP_SCHEME) return STEP_ID;
    s->entries_left--;
    return s->entries_left > 0 ? STEP_SCHEME : next_list(s);
}

/* What has been gathered is whole: what does it say, and what comes behind it? */
static enum step decide(struct pdk_snapscan *s)
{
    enum step step = s->step;
    switch (step) {
    case STEP_SESSIONS:
        s->skip = (uint64_t)(uint32_t)number(s, 0) * SESSION_BYTES;
        return STEP_ACLS;
    case STEP_ACLS: s->acls_left = number(s, 0); return next_list(s);
    case STEP_LIST: return begin_list(s);
    case STEP_SCHEME:
    case STEP_ID: return pass_text(s, step);
    case STEP_PATH:
        if (number(s, 0) == 1) return STEP_ONE_BYTE;
        pass(s, 0);
        return STEP_DATA;
    case STEP_ONE_BYTE: return s->partial[0] == '/' ? STEP_SIGNATURE : STEP_DATA;
    case STEP_DATA:
        pass(s, -1);
        s->skip += ZNODE_TAIL_BYTES;
        return STEP_PATH;
    case STEP_SIGNATURE:
        if (memcmp(s->partial, signature, sizeof signature) != 0) s->failed = true;
        s->done = !s->failed;
        return STEP_SIGNATURE;
    }
    PDK_UNREACHABLE();
}

/* One piece: bytes passed over, or gathered towards the next decision. */
static size_t take(struct pdk_snapscan *s, const uint8_t *bytes, size_t len)
{
    if (s->skip > 0) {
        size_t n = s->skip < len ? (size_t)s->skip : len;
        s->skip -= n;
        return n;
    }
    size_t want = wanted(s->step);
    size_t n = pdk_min_size(want - s->have, len);
    memcpy(s->partial + s->have, bytes, n);
    s->have = (uint8_t)(s->have + n);
    if (s->have == want) {
        s->step = (uint8_t)decide(s);
        s->have = 0;
    }
    return n;
}

size_t pdk_snapscan_feed(struct pdk_snapscan *s, struct pdk_slice bytes, size_t *body)
{
    size_t used = 0;
    *body = 0;
    while (used < bytes.len && !s->done && !s->failed) {
        bool in_body = s->step != STEP_SIGNATURE;
        used += take(s, bytes.bytes + used, bytes.len - used);
        if (in_body) *body = used;
    }
    s->body_bytes += *body;
    return used;
}

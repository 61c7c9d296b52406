/* Quotas: data-model.md section 11.
 *
 * The znodes below /zookeeper/quota are the whole memory of this: the quota of a path is found by
 * walking down from there along the path's own components, usage is the text of a zookeeper_stats
 * znode.  Only a count of limits znodes is kept beside, so that a tree without quotas pays one
 * comparison per change. */
#include "base/buf.h"
#include "core/tree/tree_parts.h"

#define QUOTA_ROOT "/zookeeper/quota"
#define LIMITS "zookeeper_limits"
#define STATS "zookeeper_stats"

/* What such a text says; -1 for what it does not say. */
struct texts {
    int64_t count, bytes, count_hard, bytes_hard;
};

static bool starts_with(struct pdk_slice path, const char *prefix)
{
    return pdk_slice_starts_with(path, pdk_slice_str(prefix));
}

/* Java's Long.parseLong for what can be; anything else reads as "no limit". */
static int64_t parse_number(const uint8_t *at, const uint8_t *end)
{
    uint64_t value = 0;
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    if (at == end) return -1;
    for (; at < end; at++) {
        if (*at < '0' || *at > '9') return -1;
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > ((uint64_t)INT64_MAX - digit) / 10) return -1;
        value = 10 * value + digit;
    }
    return negative ? -(int64_t)value : (int64_t)value;
}

static void parse_pair(const uint8_t *at, const uint8_t *end, struct texts *out)
{
    const uint8_t *equals = memchr(at, '=', (size_t)(end - at));
    if (equals == NULL) return;
    struct pdk_slice key = pdk_slice_of(at, (size_t)(equals - at));
    const uint8_t *number = equals + 1;
    const uint8_t *stop = memchr(number, '=', (size_t)(end - number));
    int64_t value = parse_number(number, stop != NULL ? stop : end);
    if (pdk_slice_eq_str(key, "count"))
        out->count = value;
    else if (pdk_slice_eq_str(key, "bytes"))
        out->bytes = value;
    else if (pdk_slice_eq_str(key, "countHardLimit"))
        out->count_hard = value;
    else if (pdk_slice_eq_str(key, "byteHardLimit"))
        out->bytes_hard = value;
}

static struct texts parse(struct pdk_slice text)
{
    struct texts out = {-1, -1, -1, -1};
    const uint8_t *at = text.bytes;
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] != ',' && text.bytes[i] != ';') continue;
        parse_pair(at, text.bytes + i, &out);
        at = text.bytes + i + 1;
    }
    if (text.len > 0) parse_pair(at, text.bytes + text.len, &out);
    return out;
}

static uint8_t *put_text(uint8_t *at, const char *text)
{
    size_t len = strlen(text);
    memcpy(at, text, len);
    return at + len;
}

static uint8_t *put_number(uint8_t *at, int64_t value)
{
    uint8_t digits[20];
    size_t n = 0;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (value < 0) *at++ = '-';
    do digits[n++] = (uint8_t)('0' + left % 10);
    while ((left /= 10) > 0);
    while (n > 0) *at++ = digits[--n];
    return at;
}

/* As Apache writes it: what is behind the first '=' after bytes is there to hide newer keys from
 * older readers. */
static void write_usage(struct pdk_tree *tree, pdk_znode stats, const struct texts *t)
{
    uint8_t text[160];
    uint8_t *at = put_number(put_text(text, "count="), t->count);
    at = put_number(put_text(at, ",bytes="), t->bytes);
    if (t->bytes_hard != -1 || t->count_hard != -1) at = put_text(at, "=");
    if (t->bytes_hard != -1) at = put_number(put_text(at, ";byteHardLimit="), t->bytes_hard);
    if (t->count_hard != -1) at = put_number(put_text(at, ";countHardLimit="), t->count_hard);
    pdk_tree_replace_data(tree, stats, pdk_slice_of(text, (size_t)(at - text)));
}

static pdk_znode child(const struct pdk_tree *tree, pdk_znode id, const char *name)
{
    return pdk_tree_find_child(tree, id, pdk_slice_str(name));
}

/* The znode below /zookeeper/quota that stands for the longest prefix of `path` with limits, and
 * the length of that prefix.  The root's own limits are no quota. */
static pdk_znode covering(const struct pdk_tree *tree, struct pdk_slice path, size_t *prefix_len)
{
    pdk_znode best = PDK_ZNODE_NONE;
    pdk_znode at = pdk_tree_find(tree, pdk_slice_str(QUOTA_ROOT));
    size_t start = 1;
    while (at != PDK_ZNODE_NONE && start < path.len) {
        const uint8_t *slash = memchr(path.bytes + start, '/', path.len - start);
        size_t end = slash != NULL ? (size_t)(slash - path.bytes) : path.len;
        at = pdk_tree_find_child(tree, at, pdk_slice_of(path.bytes + start, end - start));
        if (at != PDK_ZNODE_NONE && child(tree, at, LIMITS) != PDK_ZNODE_NONE) {
            best = at;
            *prefix_len = end;
        }
        start = end + 1;
    }
    return best;
}

bool pdk_tree_quota(const struct pdk_tree *tree, struct pdk_slice path,
                    struct pdk_slice *quota_path, struct pdk_quota_limits *limits,
                    struct pdk_quota_usage *usage)
{
    size_t prefix_len = 0;
    if (tree->quotas == 0) return false;
    pdk_znode at = covering(tree, path, &prefix_len);
    pdk_znode stats = at != PDK_ZNODE_NONE ? child(tree, at, STATS) : PDK_ZNODE_NONE;
    if (stats == PDK_ZNODE_NONE) return false;
    struct texts limit = parse(pdk_tree_data(tree, child(tree, at, LIMITS)));
    struct texts used = parse(pdk_tree_data(tree, stats));
    *quota_path = pdk_slice_of(path.bytes, prefix_len);
    *limits = (struct pdk_quota_limits){.count = limit.count,
                                        .bytes = limit.bytes,
                                        .count_hard = limit.count_hard,
                                        .bytes_hard = limit.bytes_hard};
    *usage = (struct pdk_quota_usage){.count = used.count, .bytes = used.bytes};
    return true;
}

void pdk_quota_add(struct pdk_tree *tree, struct pdk_slice path, int64_t bytes, int64_t count)
{
    size_t prefix_len = 0;
    pdk_znode at = covering(tree, path, &prefix_len);
    pdk_znode stats = at != PDK_ZNODE_NONE ? child(tree, at, STATS) : PDK_ZNODE_NONE;
    if (stats == PDK_ZNODE_NONE) return;
    struct texts t = parse(pdk_tree_data(tree, stats));
    t.count = (int64_t)((uint64_t)t.count + (uint64_t)count);
    t.bytes = (int64_t)((uint64_t)t.bytes + (uint64_t)bytes);
    write_usage(tree, stats, &t);
}

/* Counts what is at and below the znode that /zookeeper/quota/P stands for. */
static void recompute(struct pdk_tree *tree, pdk_znode stats, struct pdk_slice covered_path)
{
    struct texts t = {.count = 0, .bytes = 0, .count_hard = -1, .bytes_hard = -1};
    pdk_znode top = pdk_tree_find(tree, covered_path);
    for (pdk_znode at = top; at != PDK_ZNODE_NONE; at = pdk_tree_walk(tree, top, at)) {
        t.count++;
        t.bytes += (int64_t)pdk_tree_data(tree, at).len;
    }
    write_usage(tree, stats, &t);
}

static bool is_last(struct pdk_slice path, const char *name)
{
    size_t len = strlen(name);
    return path.len > len && path.bytes[path.len - len - 1] == '/' &&
           memcmp(path.bytes + path.len - len, name, len) == 0;
}

bool pdk_quota_is_limits(struct pdk_slice path)
{
    return starts_with(path, QUOTA_ROOT "/") && is_last(path, LIMITS) &&
           path.len > strlen(QUOTA_ROOT "/" LIMITS);
}

void pdk_quota_created(struct pdk_tree *tree, pdk_znode id, struct pdk_slice path)
{
    if (PDK_LIKELY(!starts_with(path, QUOTA_ROOT "/"))) return;
    if (pdk_quota_is_limits(path)) tree->quotas++;
    if (!is_last(path, STATS)) return;
    size_t before = strlen(QUOTA_ROOT), behind = strlen("/" STATS);
    recompute(tree, id, pdk_slice_of(path.bytes + before, path.len - before - behind));
}

void pdk_quota_deleted(struct pdk_tree *tree, struct pdk_slice path)
{
    if (PDK_UNLIKELY(pdk_quota_is_limits(path))) tree->quotas--;
}

void pdk_quota_recount(struct pdk_tree *tree)
{
    pdk_znode top = pdk_tree_find(tree, pdk_slice_str(QUOTA_ROOT));
    if (tree->quotas == 0 || top == PDK_ZNODE_NONE) return;
    struct pdk_buf path;
    pdk_buf_init(&path, tree->config.mem, SIZE_MAX);
    for (pdk_znode at = pdk_tree_walk(tree, top, top); at != PDK_ZNODE_NONE;
         at = pdk_tree_walk(tree, top, at)) {
        pdk_znode quota = pdk_tree_parent(tree, at);
        if (quota == top || !pdk_slice_eq_str(pdk_tree_name(tree, at), LIMITS)) continue;
        pdk_znode stats = child(tree, quota, STATS);
        if (stats == PDK_ZNODE_NONE) continue;
        pdk_buf_clear(&path);
        pdk_tree_put_path(tree, quota, &path);
        PDK_ASSERT(!path.failed); /* else out of memory in a change */
        size_t before = strlen(QUOTA_ROOT);
        recompute(tree, stats, pdk_slice_of(path.bytes + before, path.len - before));
    }
    pdk_buf_deinit(&path);
}

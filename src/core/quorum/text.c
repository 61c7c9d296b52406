/* A config as text (election.md section 6.2). */
#include "core/quorum/internal.h"

#include <string.h>

#define TEXT_MAX ((size_t)1 << 20)

/* ---- lines, without their ends --------------------------------------------------------------- */

static void put_host(struct pdk_buf *out, const char *host)
{
    bool bracket = strchr(host, ':') != NULL;
    if (bracket) pdk_put_u8(out, '[');
    pdk_put_raw(out, host, strlen(host));
    if (bracket) pdk_put_u8(out, ']');
}

static void put_client(struct pdk_buf *out, const struct pdk_address *a)
{
    put_host(out, a->host[0] != '\0' ? a->host : "0.0.0.0");
    pdk_put_text(out, ":%d", (int)a->port);
}

static void put_server(struct pdk_buf *out, const struct pdk_member *m, bool with_secure)
{
    pdk_put_text(out, "server.%lld=", (long long)m->sid);
    for (size_t i = 0; i < m->address_count; i++) {
        if (i > 0) pdk_put_u8(out, '|');
        put_host(out, m->addresses[i].host);
        pdk_put_text(out, ":%d:%d", (int)m->addresses[i].quorum_port,
                     (int)m->addresses[i].election_port);
    }
    pdk_put_text(out, "%s", m->is_voter ? ":participant" : ":observer");
    with_secure = with_secure && m->secure_client.port != -1;
    if (m->client.port != -1 || with_secure) pdk_put_u8(out, ';');
    if (m->client.port != -1) put_client(out, &m->client);
    if (!with_secure) return;
    pdk_put_u8(out, ';');
    put_client(out, &m->secure_client);
}

static void put_group(struct pdk_buf *out, const struct pdk_members *m, int64_t group)
{
    pdk_put_text(out, "group.%lld", (long long)group);
    char separator = '=';
    for (size_t i = 0; i < m->count; i++) {
        if (m->items[i].group != group) continue;
        pdk_put_text(out, "%c%lld", separator, (long long)m->items[i].sid);
        separator = ':';
    }
}

/* Everything but the version, each line with its end. */
static void put_lines(struct pdk_buf *out, const struct pdk_members *m, bool with_secure)
{
    for (size_t i = 0; i < m->count; i++) {
        put_server(out, &m->items[i], with_secure);
        pdk_put_u8(out, '\n');
    }
    for (size_t i = 0; i < m->group_count; i++) {
        put_group(out, m, m->groups[i].id);
        pdk_put_u8(out, '\n');
    }
    for (size_t i = 0; i < m->count && m->hierarchical; i++) {
        const struct pdk_member *member = &m->items[i];
        if (member->weight >= 0)
            pdk_put_text(out, "weight.%lld=%lld\n", (long long)member->sid,
                         (long long)member->weight);
    }
}

void pdk_members_put_text(const struct pdk_members *m, bool with_secure, struct pdk_buf *out)
{
    put_lines(out, m, with_secure);
    pdk_put_text(out, "version=%llx", (unsigned long long)m->version);
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The line that stands at `at`, with its end, which sorts before everything a line can hold. */
static struct pdk_slice line_at(struct pdk_slice lines, size_t at)
{
    const uint8_t *end = memchr(lines.bytes + at, '\n', lines.len - at);
    PDK_ASSERT(end != NULL);
    return pdk_slice_of(lines.bytes + at, (size_t)(end - lines.bytes) - at + 1);
}

static bool is_before(struct pdk_slice a, struct pdk_slice b)
{
    int order = memcmp(a.bytes, b.bytes, pdk_min_size(a.len, b.len));
    return order < 0 || (order == 0 && a.len < b.len);
}

/* No line stands twice, so each next one is the least of those behind the last. */
static void put_sorted(struct pdk_buf *out, struct pdk_slice lines)
{
    struct pdk_slice last = pdk_slice_of("", 0);
    for (size_t done = 0; done < lines.len; done += last.len) {
        struct pdk_slice next = pdk_slice_null();
        for (size_t at = 0; at < lines.len;) {
            struct pdk_slice line = line_at(lines, at);
            at += line.len;
            if (is_before(last, line) && (next.is_null || is_before(line, next))) next = line;
        }
        last = next;
        pdk_put_raw(out, last.bytes, last.len);
    }
}

void pdk_members_put_file(const struct pdk_members *m, bool with_version, struct pdk_buf *out)
{
    struct pdk_buf lines;
    pdk_buf_init(&lines, out->mem, TEXT_MAX);
    put_lines(&lines, m, true);
    if (with_version) pdk_put_text(&lines, "version=%llx\n", (unsigned long long)m->version);
    if (lines.failed) {
        out->failed = true;
    } else {
        put_sorted(out, pdk_buf_slice(&lines));
    }
    pdk_buf_deinit(&lines);
}

/* One server.N line:
 *
 *     address[|address...][;[clientHost:]clientPort[;[host:]securePort]]
 *
 * an address being host:quorumPort:electionPort[:role], IPv6 in brackets (admin.md section 4). */
#include "core/quorum/internal.h"

#include "base/log.h"

#include <string.h>

#define PORT_MAX 65535
#define HOST_MAX 255

bool pdk_number_parse(struct pdk_slice text, int64_t max, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') return false;
        int64_t digit = text.bytes[i] - '0';
        if (digit > max || *out > (max - digit) / 10) return false;
        *out = *out * 10 + digit;
    }
    return text.len > 0;
}

bool pdk_key_number(struct pdk_slice key, const char *prefix, int64_t max, int64_t *out)
{
    struct pdk_slice p = pdk_slice_str(prefix);
    return pdk_slice_starts_with(key, p) &&
           pdk_number_parse(pdk_slice_of(key.bytes + p.len, key.len - p.len), max, out);
}

enum pdk_err pdk_line_refuse(struct pdk_diag *diag, struct pdk_slice key, struct pdk_slice value,
                             const char *why, const char *allowed)
{
    char key_text[60], value_text[160];
    pdk_diag_set(diag, "%s=%s: %s%s%s", pdk_log_quote(key, key_text, sizeof key_text),
                 pdk_log_quote(value, value_text, sizeof value_text), why,
                 allowed != NULL ? "; allowed: " : "", allowed != NULL ? allowed : "");
    return PDK_EINVAL;
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* Cuts the part before the first `separator` off `rest` (brackets protect colons); the whole rest
 * when there is none, which is null then.  False, and an empty part, when nothing is left to
 * cut. */
static bool cut(struct pdk_slice *rest, uint8_t separator, struct pdk_slice *part)
{
    *part = pdk_slice_of(rest->bytes, 0);
    if (rest->is_null) return false;
    bool bracket = false;
    size_t at = 0;
    for (; at < rest->len; at++) {
        uint8_t c = rest->bytes[at];
        if (c == '[') bracket = true;
        if (c == ']') bracket = false;
        if (c == separator && !bracket) break;
    }
    *part = pdk_slice_of(rest->bytes, at);
    *rest =
        at < rest->len ? pdk_slice_of(rest->bytes + at + 1, rest->len - at - 1) : pdk_slice_null();
    return true;
}

static struct pdk_slice trim(struct pdk_slice s)
{
    while (s.len > 0 && s.bytes[0] <= ' ') s = pdk_slice_of(s.bytes + 1, s.len - 1);
    while (s.len > 0 && s.bytes[s.len - 1] <= ' ') s.len--;
    return s;
}

static bool same_word(struct pdk_slice text, const char *word)
{
    if (text.len != strlen(word)) return false;
    for (size_t i = 0; i < text.len; i++) {
        if ((text.bytes[i] | 0x20) != (uint8_t)word[i]) return false;
    }
    return true;
}

/* What a name or an address is made of.  Anything else could end a line or a part of it when the
 * config is written again. */
static bool is_host_byte(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '%';
}

/* A member being filled; hosts are copied to `strings`, which has room for all of the value. */
struct filling {
    struct pdk_member *member;
    char *strings;
    bool role_said;
};

static bool take_host(struct filling *f, struct pdk_slice text, const char **host)
{
    if (text.len >= 2 && text.bytes[0] == '[' && text.bytes[text.len - 1] == ']')
        text = pdk_slice_of(text.bytes + 1, text.len - 2);
    if (text.len < 1 || text.len > HOST_MAX) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_host_byte(text.bytes[i])) return false;
    }
    *host = f->strings;
    memcpy(f->strings, text.bytes, text.len);
    f->strings[text.len] = '\0';
    f->strings += text.len + 1;
    return true;
}

static bool take_port(struct pdk_slice text, int32_t *port)
{
    int64_t number;
    if (!pdk_number_parse(text, PORT_MAX, &number)) return false;
    *port = (int32_t)number;
    return true;
}

static const char *take_role(struct filling *f, struct pdk_slice text)
{
    text = trim(text);
    bool is_voter = same_word(text, "participant");
    if (!is_voter && !same_word(text, "observer"))
        return "the role must be participant or observer";
    if (f->role_said && is_voter != f->member->is_voter)
        return "all addresses of a server have the same role";
    f->role_said = true;
    f->member->is_voter = is_voter;
    return NULL;
}

/* host:port:port[:role].  Addresses stand in the order of their hosts, as Apache writes them. */
static const char *take_address(struct filling *f, struct pdk_slice text)
{
    struct pdk_member *m = f->member;
    if (m->address_count == PDK_ADDRESSES_MAX) return "a server has at most 8 addresses";
    const char *host;
    int32_t quorum, election;
    struct pdk_slice part;
    if (!cut(&text, ':', &part) || part.len == 0) return "the host is missing";
    if (!take_host(f, part, &host)) return "the host is no name and no address";
    if (!cut(&text, ':', &part) || !take_port(part, &quorum))
        return "the quorum port must be a number from 0 to 65535";
    if (!cut(&text, ':', &part) || !take_port(part, &election))
        return "the election port must be a number from 0 to 65535";
    if (quorum == election) return "quorum port and election port must differ";
    if (cut(&text, ':', &part)) {
        const char *why = take_role(f, part);
        if (why != NULL) return why;
    }
    if (!text.is_null) return "there is more behind the role";

    size_t at = m->address_count++;
    for (; at > 0 && strcmp(m->addresses[at - 1].host, host) > 0; at--)
        m->addresses[at] = m->addresses[at - 1];
    m->addresses[at].host = host;
    m->addresses[at].quorum_port = quorum;
    m->addresses[at].election_port = election;
    return NULL;
}

/* [host:]port */
static const char *take_client(struct filling *f, struct pdk_slice text, struct pdk_address *out)
{
    struct pdk_slice part;
    (void)cut(&text, ':', &part);
    out->host = "";
    if (!text.is_null) {
        if (!take_host(f, part, &out->host)) return "the client host is no name and no address";
        part = text;
    }
    if (!take_port(part, &out->port)) return "the client port must be a number from 0 to 65535";
    return NULL;
}

static const char *take_line(struct filling *f, struct pdk_slice value)
{
    const char *why;
    struct pdk_slice part, address;
    (void)cut(&value, ';', &part);
    while (cut(&part, '|', &address)) {
        if ((why = take_address(f, address)) != NULL) return why;
    }
    if (cut(&value, ';', &part) && part.len > 0) {
        if ((why = take_client(f, part, &f->member->client)) != NULL) return why;
    }
    if (cut(&value, ';', &part) && part.len > 0) {
        if ((why = take_client(f, part, &f->member->secure_client)) != NULL) return why;
    }
    return value.is_null ? NULL : "there is more behind the secure client port";
}

enum pdk_err pdk_member_parse(const struct pdk_mem *mem, pdk_sid sid, struct pdk_slice value,
                              struct pdk_member **out, const char **why)
{
    *out = NULL;
    *why = NULL;
    /* Every host has a separator or an end behind it, so its NUL has room too. */
    size_t bytes;
    if (!pdk_add_size(sizeof(struct pdk_member) + 1, value.len, &bytes)) return PDK_ENOMEM;
    struct pdk_member *m = pdk_mem_try(mem, bytes);
    if (m == NULL) return PDK_ENOMEM;
    *m = (struct pdk_member){.sid = sid,
                             .is_voter = true,
                             .client = {.host = "", .port = -1},
                             .secure_client = {.host = "", .port = -1},
                             .weight = 1};
    struct filling f = {.member = m, .strings = (char *)(m + 1)};
    if ((*why = take_line(&f, value)) != NULL) {
        pdk_mem_free(mem, m);
        return PDK_EINVAL;
    }
    *out = m;
    return PDK_OK;
}

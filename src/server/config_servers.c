#include "server/config_servers.h"

#include <string.h>

/* Cuts the part before the first `separator` off `rest` (brackets protect colons); the whole rest
 * when there is none.  False, and an empty part, when nothing is left to cut. */
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

static bool parse_number(struct pdk_slice text, int64_t max, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') return false;
        int64_t digit = text.bytes[i] - '0';
        if (*out > (max - digit) / 10) return false;
        *out = *out * 10 + digit;
    }
    return text.len > 0;
}

static bool same_word(struct pdk_slice text, const char *word)
{
    if (text.len != strlen(word)) return false;
    for (size_t i = 0; i < text.len; i++) {
        if ((text.bytes[i] | 0x20) != (uint8_t)word[i]) return false;
    }
    return true;
}

/* host:port:port[:type] */
static const char *parse_member(struct pdk_slice text, struct pdk_server_line *out)
{
    struct pdk_slice part;
    int64_t quorum, election;
    if (!cut(&text, ':', &part) || part.len == 0) return "the host is missing";
    if (!cut(&text, ':', &part) || !parse_number(part, 65535, &quorum))
        return "the quorum port must be a number from 0 to 65535";
    if (!cut(&text, ':', &part) || !parse_number(part, 65535, &election))
        return "the election port must be a number from 0 to 65535";
    if (quorum == election) return "quorum port and election port must differ";
    if (!cut(&text, ':', &part)) return NULL;
    if (!same_word(part, "participant") && !same_word(part, "observer"))
        return "the role must be participant or observer";
    if (!text.is_null) return "there is more behind the role";
    out->observer = same_word(part, "observer");
    return NULL;
}

/* [host:]port */
static const char *parse_client(struct pdk_slice text, struct pdk_slice *host, int32_t *port)
{
    struct pdk_slice part;
    (void)cut(&text, ':', &part);
    *host = pdk_slice_of(part.bytes, 0);
    if (!text.is_null) {
        *host = part;
        part = text;
    }
    int64_t number;
    if (!parse_number(part, 65535, &number))
        return "the client port must be a number from 0 to 65535";
    *port = (int32_t)number;
    if (host->len >= 2 && host->bytes[0] == '[' && host->bytes[host->len - 1] == ']')
        *host = pdk_slice_of(host->bytes + 1, host->len - 2);
    return NULL;
}

static const char *parse_line(struct pdk_slice name, struct pdk_slice value,
                              struct pdk_server_line *out)
{
    struct pdk_slice part, address, prefix = pdk_slice_str("server.");
    PDK_ASSERT(pdk_slice_starts_with(name, prefix));
    name = pdk_slice_of(name.bytes + prefix.len, name.len - prefix.len);
    if (!parse_number(name, INT64_MAX, &out->id)) return "behind server. stands a number";

    (void)cut(&value, ';', &part);
    while (cut(&part, '|', &address)) {
        const char *why = parse_member(address, out);
        if (why != NULL) return why;
    }
    if (cut(&value, ';', &part) && part.len > 0) {
        out->has_client = true;
        const char *why = parse_client(part, &out->client_host, &out->client_port);
        if (why != NULL) return why;
    }
    if (cut(&value, ';', &part) && part.len > 0) {
        struct pdk_slice host;
        int32_t port;
        out->has_secure = true;
        const char *why = parse_client(part, &host, &port);
        if (why != NULL) return why;
    }
    return value.is_null ? NULL : "there is more behind the secure client port";
}

enum pdk_err pdk_server_line_parse(struct pdk_slice name, struct pdk_slice value,
                                   struct pdk_server_line *out, const char **why)
{
    *out = (struct pdk_server_line){.id = 0};
    *why = parse_line(name, value, out);
    return *why == NULL ? PDK_OK : PDK_EINVAL;
}

/* server/config_servers.h - the lines that describe an ensemble's members.
 *
 * server.N = address[|address...][;[clientHost:]clientPort[;[host:]securePort]], an address being
 * host:quorumPort:electionPort[:participant|observer], IPv6 addresses in brackets.
 * Source: admin.md section 4. */
#ifndef PDK_SERVER_CONFIG_SERVERS_H
#define PDK_SERVER_CONFIG_SERVERS_H

#include "base/base.h"

struct pdk_server_line {
    int64_t id;
    bool observer;
    bool has_client;              /* a client port stands behind the ';' */
    struct pdk_slice client_host; /* slice of the value; empty: every interface */
    int32_t client_port;
    bool has_secure;
};

/* `name` is the key ("server.3").  PDK_EINVAL: `why` says what is wrong. */
PDK_WARN_UNUSED enum pdk_err pdk_server_line_parse(struct pdk_slice name, struct pdk_slice value,
                                                   struct pdk_server_line *out, const char **why);

#endif

/* A client session whose server is hostile: bytes of any kind, cut at any place, between requests,
 * ticks and lost connections.
 *
 * The input is a list of steps: a byte that says what to do, then (for bytes from the server) a
 * length and the bytes.  Every request that was taken must be answered exactly once, and the
 * machine must ask for nothing that it cannot: a CONNECT only without a transport, a DISCONNECT
 * only with one. */
#include "client/core/client.h"

#include "base/reader.h"
#include "proto/code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct pdk_client *c;
    int64_t now_ms;
    bool opening, open; /* the transport */
    uint64_t asked, answered;
};

static void take_effects(struct run *run)
{
    size_t count = 0, path_bytes = 0;
    const struct pdk_client_effect *e = pdk_client_effects(run->c, &count);
    for (size_t i = 0; i < count; i++) {
        switch (e[i].kind) {
        case PDK_CLIENT_OUT_CONNECT:
            PDK_ASSERT(!run->opening && !run->open && e[i].host < 3);
            run->opening = true;
            break;
        case PDK_CLIENT_OUT_DISCONNECT:
            PDK_ASSERT(run->opening || run->open);
            run->opening = run->open = false;
            break;
        case PDK_CLIENT_OUT_STATE: break;
        case PDK_CLIENT_OUT_REPLY:
            run->answered++;
            PDK_ASSERT(e[i].code == PDK_CODE_OK || e[i].bytes.len == 0);
            break;
        case PDK_CLIENT_OUT_EVENT: break;
        }
        /* Slices must be readable to their end. */
        for (size_t k = 0; k < e[i].bytes.len; k++) path_bytes += e[i].bytes.bytes[k];
    }
    PDK_ASSERT(path_bytes < SIZE_MAX);
    pdk_client_effects_clear(run->c);
    PDK_ASSERT(run->asked - run->answered >= pdk_client_pending(run->c));
}

static void request(struct run *run, uint8_t which)
{
    struct pdk_client *c = run->c;
    struct pdk_slice path = pdk_slice_str(which & 0x40 ? "/a" : "/b/c");
    enum pdk_client_watch watch = which & 0x20 ? PDK_CLIENT_WATCH : PDK_CLIENT_NO_WATCH;
    enum pdk_err err = PDK_EINVAL;
    switch (which % 10) {
    case 0: err = pdk_client_get_data(c, path, watch, 0); break;
    case 1: err = pdk_client_exists(c, path, watch, 0); break;
    case 2: err = pdk_client_get_children2(c, path, watch, 0); break;
    case 3: err = pdk_client_set_data(c, path, path, 1, 0); break;
    case 4: err = pdk_client_delete(c, path, 1, 0); break;
    case 5:
        err = pdk_client_create_znode(
            c, &(struct pdk_client_znode){.path = path, .flags = which % 7}, 0);
        break;
    case 6: err = pdk_client_add_watch(c, path, which & 1, 0); break;
    case 7: err = pdk_client_add_auth(c, path, path, 0); break;
    case 8: err = pdk_client_raw(c, (enum pdk_op)(which % 25), path, 0); break;
    case 9: err = which > 240 ? pdk_client_close(c, 0) : PDK_EINVAL; break;
    default: break;
    }
    if (err == PDK_OK) run->asked++;
    take_effects(run);
}

static void step(struct run *run, struct pdk_reader *in)
{
    uint8_t what = pdk_read_u8(in);
    size_t len = 0;
    switch (what % 6) {
    case 0:
        len = pdk_min_size(pdk_read_u8(in), pdk_reader_left(in));
        if (!run->open) break;
        pdk_client_received(run->c, run->now_ms, pdk_slice_of(pdk_reader_take(in, len), len));
        break;
    case 1:
        if (!run->opening) break;
        run->opening = false;
        run->open = true;
        pdk_client_opened(run->c, run->now_ms);
        break;
    case 2:
        if (!run->opening && !run->open) break;
        run->opening = run->open = false;
        pdk_client_lost(run->c, run->now_ms);
        break;
    case 3:
        if (pdk_client_deadline(run->c) != INT64_MAX && pdk_client_deadline(run->c) > run->now_ms) {
            run->now_ms = pdk_client_deadline(run->c);
        }
        pdk_client_tick(run->c, run->now_ms);
        break;
    case 4: request(run, pdk_read_u8(in)); break;
    default:
        len = pdk_client_output(run->c).len;
        pdk_client_sent(run->c, run->now_ms, pdk_min_size(len, what));
        break;
    }
    take_effects(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pdk_client_config config = pdk_client_config_default(pdk_mem_heap());
    config.host_count = 3;
    config.frame_limit_bytes = 4096;
    config.pending_limit = 100;
    config.output_limit_bytes = 10000;
    struct run run = {.c = pdk_client_create(&config)};
    PDK_ASSERT(run.c != NULL);
    pdk_client_start(run.c, 0);
    take_effects(&run);
    struct pdk_reader in = pdk_reader_of(pdk_slice_of(data, size));
    while (pdk_reader_left(&in) > 0) step(&run, &in);
    /* Closing answers the rest: at once, or with the loss of the transport. */
    if (pdk_client_close(run.c, 0) == PDK_OK) run.asked++;
    take_effects(&run);
    if (run.open) pdk_client_lost(run.c, run.now_ms);
    run.open = false;
    take_effects(&run);
    if (pdk_client_state(run.c) >= PDK_CLIENT_CLOSED) PDK_ASSERT(run.asked == run.answered);
    pdk_client_destroy(run.c);
    return 0;
}

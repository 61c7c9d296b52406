/* client/core/testing.h - for tests: a scripted server for a client machine. */
#ifndef PDK_CLIENT_CORE_TESTING_H
#define PDK_CLIENT_CORE_TESTING_H

#include "base/buf.h"
#include "base/reader.h"
#include "client/core/client.h"
#include "proto/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a scripted server ---------------------------------------------------------------------- */

static inline struct pdk_slice str(const char *text) { return pdk_slice_str(text); }

/* Holds what a server sends. */
static inline struct pdk_buf server_bytes(void)
{
    struct pdk_buf b;
    pdk_buf_init(&b, pdk_mem_heap(), 1u << 24);
    return b;
}

static inline void put_connect_response(struct pdk_buf *b, int32_t timeout_ms, pdk_session session)
{
    static const uint8_t password[PDK_PASSWORD_LEN] = {1, 2,  3,  4,  5,  6,  7,  8,
                                                       9, 10, 11, 12, 13, 14, 15, 16};
    size_t frame = pdk_frame_begin(b);
    pdk_put_connect_response(
        b, &(struct pdk_connect_response){.time_out = timeout_ms,
                                          .session_id = session,
                                          .passwd = pdk_slice_of(password, sizeof password),
                                          .has_read_only = true});
    pdk_frame_end(b, frame);
}

static inline void put_reply(struct pdk_buf *b, int32_t xid, pdk_zxid zxid, int32_t err,
                             const char *body)
{
    size_t frame = pdk_frame_begin(b);
    pdk_put_reply_header(b, &(struct pdk_reply_header){.xid = xid, .zxid = zxid, .err = err});
    pdk_put_raw(b, body, strlen(body));
    pdk_frame_end(b, frame);
}

/* Gives the bytes to the client and forgets them: its effects are looked at before. */
static inline const struct pdk_client_effect *play(struct pdk_client *c, int64_t now_ms,
                                                   const struct pdk_buf *b, size_t *count)
{
    pdk_client_effects_clear(c);
    pdk_client_received(c, now_ms, pdk_buf_slice(b));
    return pdk_client_effects(c, count);
}

/* ---- what the client sent ------------------------------------------------------------------- */

/* Takes the next frame off the output; its header unless it is the ConnectRequest. */
static inline struct pdk_reader next_frame(struct pdk_client *c, struct pdk_request_header *header)
{
    struct pdk_slice out = pdk_client_output(c), body = {0};
    size_t used = 0;
    assert_int_equal(pdk_frame_split(out.bytes, out.len, INT32_MAX, &body, &used), PDK_FRAME_WHOLE);
    /* The bytes stay where they are until the buffer is used again. */
    pdk_client_sent(c, 0, used);
    struct pdk_reader r = pdk_reader_of(body);
    if (header != NULL) pdk_read_request_header(&r, header);
    assert_false(r.failed);
    return r;
}

static inline void expect_request(struct pdk_client *c, int32_t xid, int32_t op)
{
    struct pdk_request_header header;
    (void)next_frame(c, &header);
    assert_int_equal(header.xid, xid);
    assert_int_equal(header.type, op);
}

static inline void expect_no_output(struct pdk_client *c)
{
    assert_int_equal(pdk_client_output(c).len, 0);
}

/* ---- clients -------------------------------------------------------------------------------- */

static inline struct pdk_client *make_with(const struct pdk_client_config *config)
{
    struct pdk_client *c = pdk_client_create(config);
    assert_non_null(c);
    return c;
}

static inline struct pdk_client *make(void)
{
    struct pdk_client_config config = pdk_client_config_default(pdk_mem_heap());
    return make_with(&config);
}

static inline void answer_handshake(struct pdk_client *c, int64_t now_ms, int32_t timeout_ms)
{
    struct pdk_buf b = server_bytes();
    size_t count = 0;
    put_connect_response(&b, timeout_ms, 0x100);
    const struct pdk_client_effect *e = play(c, now_ms, &b, &count);
    assert_int_equal(count, 1);
    assert_int_equal(e[0].kind, PDK_CLIENT_OUT_STATE);
    assert_int_equal(e[0].state, PDK_CLIENT_CONNECTED);
    pdk_client_effects_clear(c);
    pdk_buf_deinit(&b);
}

/* From WAITING or IDLE to CONNECTED at `now_ms`; the ConnectRequest is taken off. */
static inline void connect_at(struct pdk_client *c, int64_t now_ms)
{
    if (pdk_client_state(c) == PDK_CLIENT_IDLE) {
        pdk_client_start(c, now_ms);
    } else {
        pdk_client_tick(c, now_ms);
    }
    assert_int_equal(pdk_client_state(c), PDK_CLIENT_CONNECTING);
    pdk_client_effects_clear(c);
    pdk_client_opened(c, now_ms);
    pdk_client_effects_clear(c);
    (void)next_frame(c, NULL);
    pdk_client_sent(c, now_ms, 0);
    answer_handshake(c, now_ms, 30000);
}

static inline struct pdk_client *connected(void)
{
    struct pdk_client *c = make();
    connect_at(c, 1000);
    return c;
}

static inline void lose(struct pdk_client *c, int64_t now_ms)
{
    pdk_client_effects_clear(c);
    pdk_client_lost(c, now_ms);
    pdk_client_effects_clear(c);
}

#endif

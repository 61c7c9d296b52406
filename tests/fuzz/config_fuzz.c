/* Fuzz target: a config file and -D settings, from the bytes to a whole configuration.
 *
 * Input: the file's text, then settings, each behind a byte 0x01.
 * Checks that a config that is taken has sane values, that one that is refused says why, and that
 * log lines stay plain text. */
#include "server/config.h"

#include <stdlib.h>
#include <string.h>

#define DEFINES_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_line(void *ctx, enum pdk_log_level level, const char *text)
{
    (void)ctx;
    (void)level;
    for (const char *p = text; *p != '\0'; p++) PDK_ASSERT(*p >= ' ' && *p <= '~');
}

static void check(const struct pdk_config *c)
{
    PDK_ASSERT(c->node.tick_ms >= 1 && c->node.snap_count >= 2 && c->purge_retain >= 3);
    PDK_ASSERT(c->node.session_min_ms <= c->node.session_max_ms);
    PDK_ASSERT(c->listen_port >= 0 && c->listen_port <= 65535);
    PDK_ASSERT(c->store.data_dir[0] != '\0' && c->store.log_dir[0] != '\0');
    PDK_ASSERT(c->node.in_flight_bytes >= 2 * (size_t)c->node.frame_limit_bytes);
    PDK_ASSERT(pdk_word_set_has(c->words, PDK_WORD_SRVR));
    const struct pdk_ensemble_config *e = &c->node.ensemble;
    PDK_ASSERT(e->min_notification_ms >= 1 && e->max_notification_ms >= e->min_notification_ms);
    PDK_ASSERT(c->link_queue_bytes >= 2 * e->packet_field_bytes);
    if (e->members == NULL) return;
    PDK_ASSERT(e->init_limit > 0 && e->sync_limit > 0 && e->hello_timeout_ms > 0);
    PDK_ASSERT(pdk_sids_count(&e->members->voters) > (c->standalone_enabled ? 1u : 0u));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *copy = malloc(len + 1);
    if (copy == NULL) return 0;
    if (len > 0) memcpy(copy, bytes, len);
    copy[len] = '\0';

    size_t text_len = len;
    const char *defines[DEFINES_MAX];
    size_t define_count = 0;
    for (size_t i = 0; i < len && define_count < DEFINES_MAX; i++) {
        if (copy[i] != 1) continue;
        if (define_count == 0) text_len = i;
        copy[i] = '\0';
        defines[define_count++] = copy + i + 1;
    }
    struct pdk_config_source source = {.defines = defines, .define_count = define_count};
    struct pdk_config_text text = {.text = pdk_slice_of(copy, text_len), .name = "zoo.cfg"};
    struct pdk_log log = {.level = PDK_LOG_DEBUG, .line = check_line};
    struct pdk_diag diag = {.text = ""};
    struct pdk_config config;
    if (pdk_config_parse(&config, &text, &source, pdk_mem_heap(), &log, &diag) == PDK_OK) {
        check(&config);
        pdk_config_deinit(&config);
    } else {
        PDK_ASSERT(diag.text[0] != '\0');
    }
    free(copy);
    return 0;
}

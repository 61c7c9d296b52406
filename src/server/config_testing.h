/* server/config_testing.h - for tests: configs from texts and from files, with what they said. */
#ifndef PDK_SERVER_CONFIG_TESTING_H
#define PDK_SERVER_CONFIG_TESTING_H

#include "server/config.h"

#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct loaded {
    struct pdk_config config;
    enum pdk_err err;
    struct pdk_diag diag;
    struct pdk_log log;
    char lines[16384]; /* "warn config.unknown ...\n" */
};

static inline void collect(void *ctx, enum pdk_log_level level, const char *text)
{
    struct loaded *l = ctx;
    size_t len = strlen(l->lines);
    (void)snprintf(l->lines + len, sizeof l->lines - len, "%s %s\n", pdk_log_level_name(level),
                   text);
}

/* `text` behind a dataDir and a clientPort; NULL: no file. */
static inline void load_with(struct loaded *l, const char *text,
                             const struct pdk_config_source *source)
{
    memset(l, 0, sizeof *l);
    l->log = (struct pdk_log){.ctx = l, .level = PDK_LOG_INFO, .line = collect};
    struct pdk_config_text file = {.text = pdk_slice_str(text != NULL ? text : ""),
                                   .name = "zoo.cfg"};
    l->err = pdk_config_parse(&l->config, text != NULL ? &file : NULL, source, pdk_mem_heap(),
                              &l->log, &l->diag);
}

static inline void load(struct loaded *l, const char *text)
{
    char whole[8192];
    (void)snprintf(whole, sizeof whole, "dataDir=/d\nclientPort=2181\n%s", text);
    load_with(l, whole, &(struct pdk_config_source){0});
}

static inline void unload(struct loaded *l)
{
    if (l->err == PDK_OK) pdk_config_deinit(&l->config);
}

static inline void expect_ok(const struct loaded *l)
{
    if (l->err != PDK_OK) fail_msg("refused: %s", l->diag.text);
}

static inline void expect_text(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) fail_msg("<%s> lacks <%s>", text, part);
}

static inline void expect_no_text(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) fail_msg("<%s> should not have <%s>", text, part);
}

/* The config `text` must be refused, with every part (up to a NULL) in the sentence. */
static inline void expect_refused(const char *text, const char *const *parts)
{
    struct loaded l;
    load(&l, text);
    if (l.err == PDK_OK) {
        unload(&l);
        fail_msg("not refused: %s", text);
    }
    for (; *parts != NULL; parts++) expect_text(l.diag.text, *parts);
}

/* ---- real files ------------------------------------------------------------------------------ */

struct folder {
    char path[64];
};

static inline struct folder make_folder(void)
{
    struct folder f = {.path = "/tmp/pdk-config-XXXXXX"};
    assert_non_null(mkdtemp(f.path));
    return f;
}

static inline void write_file(const struct folder *f, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", f->path, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The file's text; NULL when there is none.  To be freed. */
static inline char *read_file(const struct folder *f, const char *name)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", f->path, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    char *text = calloc(1, 65536);
    assert_non_null(text);
    assert_true(fread(text, 1, 65535, file) < 65535);
    assert_int_equal(fclose(file), 0);
    return text;
}

static inline void expect_file(const struct folder *f, const char *name, const char *want)
{
    char *text = read_file(f, name);
    if (text == NULL) fail_msg("%s is missing", name);
    if (strcmp(text, want) != 0) fail_msg("%s is <%s>, not <%s>", name, text, want);
    free(text);
}

static inline void expect_no_file(const struct folder *f, const char *name)
{
    char *text = read_file(f, name);
    if (text != NULL) fail_msg("%s is there: <%s>", name, text);
}

static inline void remove_folder(const struct folder *f)
{
    DIR *dir = opendir(f->path);
    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            assert_int_equal(unlinkat(dirfd(dir), e->d_name, 0), 0);
    }
    assert_int_equal(closedir(dir), 0);
    assert_int_equal(rmdir(f->path), 0);
}

static inline void load_file(struct loaded *l, const struct folder *f)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/zoo.cfg", f->path);
    const char *args[] = {path};
    memset(l, 0, sizeof *l);
    l->log = (struct pdk_log){.ctx = l, .level = PDK_LOG_INFO, .line = collect};
    l->err = pdk_config_load(&l->config, &(struct pdk_config_source){.args = args, .arg_count = 1},
                             pdk_mem_heap(), &l->log, &l->diag);
}

#endif

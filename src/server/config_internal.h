/* server/config_internal.h - what the files of the configuration share.
 *
 *   config.c           loading from end to end; each setting judged by its row of the table
 *   config_collect.c   settings from files, arguments and -D
 *   config_ensemble.c  members, myid, and what follows from both
 *   config_keys.c      the table; config_value.c the values
 *   config_dynamic.c   members that change while the server runs: see config_dynamic.h */
#ifndef PDK_SERVER_CONFIG_INTERNAL_H
#define PDK_SERVER_CONFIG_INTERNAL_H

#include "server/config.h"
#include "server/config_keys.h"

struct pdk_config_origin {
    const char *file; /* NULL: `what` */
    unsigned line;
    const char *what; /* "-D", "argument" */
};

struct pdk_config_setting {
    const struct pdk_config_key *key;
    const char *name; /* without "zookeeper." */
    const char *value;
    struct pdk_config_origin origin;
};

struct pdk_config_loader {
    struct pdk_config *config;
    const struct pdk_log *log;
    struct pdk_diag *diag;
    struct pdk_config_setting *settings; /* no name twice */
    size_t count, cap;
    size_t unknown;
    bool in_dynamic;  /* reading dynamicConfigFile */
    bool other_files; /* may be looked into */
};

/* ---- words for people (config_collect.c) ----------------------------------------------------- */
struct pdk_config_place {
    char text[300];
};
/* "zoo.cfg:12" or "-D"; the second is fit for a log line. */
struct pdk_config_place pdk_config_place_of(const struct pdk_config_origin *origin);
struct pdk_config_place pdk_config_logged_place(const struct pdk_config_origin *origin);

struct pdk_config_shown {
    char text[120];
};
struct pdk_config_shown pdk_config_show(const char *text);

/* ---- collecting (config_collect.c) ----------------------------------------------------------- */
/* The whole of a small file into `out`. */
PDK_WARN_UNUSED enum pdk_err pdk_config_read_file(const char *path, struct pdk_buf *out,
                                                  struct pdk_diag *diag);
#define PDK_CONFIG_FILE_BYTES_MAX ((size_t)1 << 20)

/* NULL: not said. */
struct pdk_config_setting *pdk_config_find(const struct pdk_config_loader *l, const char *name);
PDK_WARN_UNUSED enum pdk_err pdk_config_take_text(struct pdk_config_loader *l,
                                                  struct pdk_slice text, const char *name);
PDK_WARN_UNUSED enum pdk_err pdk_config_take_defines(struct pdk_config_loader *l,
                                                     const struct pdk_config_source *source);
/* Decision 4. */
PDK_WARN_UNUSED enum pdk_err pdk_config_take_built_in(struct pdk_config_loader *l);
PDK_WARN_UNUSED enum pdk_err pdk_config_take_arguments(struct pdk_config_loader *l,
                                                       const struct pdk_config_source *source);
/* The file that dynamicConfigFile names, if it is said. */
PDK_WARN_UNUSED enum pdk_err pdk_config_take_dynamic_file(struct pdk_config_loader *l);

/* ---- members (config_ensemble.c) ------------------------------------------------------------- */
/* From server.N lines to members, or to a standalone server; the client port may stand there. */
PDK_WARN_UNUSED enum pdk_err pdk_config_derive_members(struct pdk_config_loader *l);
/* What else of an ensemble depends on several settings. */
void pdk_config_derive_ensemble(struct pdk_config_loader *l);

#endif

/* core/quorum/testing.h - for tests: configs from text. */
#ifndef PDK_CORE_QUORUM_TESTING_H
#define PDK_CORE_QUORUM_TESTING_H

#include "core/quorum/quorum.h"

/* A config that must be fine; version 0 unless the text has one.  Drop it. */
static inline struct pdk_members *pdk_members_of_text(const char *text)
{
    struct pdk_members *m;
    struct pdk_diag diag = {0};
    enum pdk_err err = pdk_members_parse(pdk_mem_heap(), pdk_slice_str(text), 0, &m, &diag);
    if (err != PDK_OK) pdk_assert_failed(diag.text, text, 0);
    return m;
}

#endif
